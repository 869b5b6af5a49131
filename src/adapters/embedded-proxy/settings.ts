import type { LogLevel } from './log.ts'
import type { Patience } from './upstream.ts'

/** What a proxy process is started with. */
export interface ProxySettings {
  readonly stateDir: string
  readonly logLevel: LogLevel
  readonly patience: Patience
}

/** The exit code of a proxy that found another one in charge of its directory. */
export const ALREADY_RUNNING = 75

/** How long a proxy that ends waits for open requests. */
export const STOP_GRACE_MS = 10_000
