import type { MetricsSource, TrafficRouter } from '../../engine/ports.ts'
import { type Duration, toMs, toPositiveMs } from '../../units.ts'
import { Controller } from './controller.ts'
import type { LogLevel } from './log.ts'
import { EmbeddedMetrics } from './metrics.ts'
import { placeIn } from './place.ts'
import { EmbeddedRouter } from './router.ts'

export type { LogLevel } from './log.ts'

export interface EmbeddedProxyOptions {
  /** The directory that the proxy belongs to: its socket, token, log and remembered routes. Made when it isn't there. */
  readonly stateDir: string
  /** What goes to `proxy.log` in the directory. Default `'error'`. */
  readonly logLevel?: LogLevel
  /** How long a connection to an instance may take. Default `'5s'`. */
  readonly connectTimeout?: Duration
  /** How long an instance may take from having the request to the head of its answer; then 504. Default `'60s'`. */
  readonly responseTimeout?: Duration
  /** How long the body of an answer may pause; `'0s'` for ever. Default `'5m'`. */
  readonly idleTimeout?: Duration
}

/** The embedded proxy, as seen from a controller. */
export interface EmbeddedProxy {
  readonly router: TrafficRouter
  readonly metrics: MetricsSource
  /**
   * Lets the proxy finish what is open (10 s at most) and ends its process; resolves when it is gone. Its routes stay
   * remembered. Closes this handle, too.
   */
  stop(options?: { readonly signal?: AbortSignal }): Promise<void>
  /** Hangs up; the proxy goes on serving by itself. */
  close(): void
}

/**
 * Sluice's own HTTP proxy: a process of its own that goes on serving when the controller stalls or dies. It is started
 * by the first call that needs it, and found again by whoever names the same `stateDir`; one that was started earlier
 * keeps the timeouts it was started with.
 * @throws UsageError `ARGUMENT_INVALID` for a malformed duration
 */
export function embeddedProxy({
  stateDir,
  logLevel = 'error',
  connectTimeout = '5s',
  responseTimeout = '60s',
  idleTimeout = '5m',
}: EmbeddedProxyOptions): EmbeddedProxy {
  const place = placeIn(stateDir)
  const patience = {
    connectMs: toPositiveMs(connectTimeout, 'connectTimeout'),
    responseMs: toPositiveMs(responseTimeout, 'responseTimeout'),
    idleMs: toMs(idleTimeout, 'idleTimeout'),
  }
  const controller = new Controller(place, { stateDir: place.dir, logLevel, patience })
  return {
    router: new EmbeddedRouter(controller),
    metrics: new EmbeddedMetrics(controller),
    stop: async ({ signal = new AbortController().signal } = {}) => controller.stop({ signal }),
    close: () => controller.close(),
  }
}
