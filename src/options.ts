// The options that the public parts share, as people write them; `src/engine/spec.ts` holds what is made of them.
import type { Check } from './analysis/checks.ts'
import type { Engine } from './engine/engine.ts'
import type { Adapters, ProbeSpec } from './engine/ports.ts'
import type { Duration } from './units.ts'

/** How to run a version. `{version}`, `{port}`, `{service}` and `{instance}` are filled in everywhere. */
export interface RunOptions {
  /** Program and arguments, as a list or separated by spaces; never given to a shell. The port is also in `PORT`. */
  readonly command: string | readonly string[]
  /** Values may be references: `env:NAME` or `file:path`, resolved when the process starts and stored nowhere. */
  readonly env?: Readonly<Record<string, string>>
  /** @defaultValue the current directory */
  readonly cwd?: string
  /** How many instances, 1 to 100. @defaultValue 1 */
  readonly replicas?: number
  /** From SIGTERM to SIGKILL. @defaultValue '10s' */
  readonly stopGrace?: Duration
}

/** What every part that deploys is told. */
export interface ServiceOptions {
  /** The service that is released: what outlives rollouts. Letters, digits and `. _ + -` between them. */
  readonly name: string
  /** Where clients reach it: a port of 127.0.0.1, or 'host:port'. @defaultValue a free port */
  readonly listen?: number | string
  /** How to run its versions; `deploy(version, config)` may override it. */
  readonly run?: RunOptions
  /** How an instance is asked whether it is well. @defaultValue `GET /health` answers 200 within 2 s */
  readonly health?: ProbeSpec
  /** How often it is asked. @defaultValue '5s' */
  readonly healthCheckInterval?: Duration
  /** Consecutive healthy answers before traffic, and consecutive failures that are harm; 1 to 100. @defaultValue 3 */
  readonly healthCheckThreshold?: number
  /** What is asked of the traffic. @defaultValue for a canary, errors and latency compared with the baseline */
  readonly checks?: readonly Check[]
  /** How long one window of traffic is. @defaultValue '1s' */
  readonly window?: Duration
  /** How long a new version may take to run and be healthy. @defaultValue '5m' */
  readonly stagingTimeout?: Duration
  /** How long one change of traffic may take to be confirmed. @defaultValue '30s' */
  readonly shiftTimeout?: Duration
  /** How long a step may go without advancing before it waits for a person. @defaultValue '30m' */
  readonly progressDeadline?: Duration
  /** How long harm may be suspected before it counts as harm. @defaultValue '1m' */
  readonly degradedTimeout?: Duration
  /** How long the old version stays warm after the last bake. @defaultValue '0s' */
  readonly retireAfter?: Duration
  /** How long the old version's open requests may go on; then they are cut, and counted. @defaultValue '30s' */
  readonly drainTimeout?: Duration
  /** The same for the new version when traffic is taken back. @defaultValue '5s' */
  readonly rollbackDrainTimeout?: Duration
  /** How long a return may stay unconfirmed before people are called (it is tried for ever). @defaultValue '1m' */
  readonly returnBudget?: Duration
  /** False for a version whose changes can't be undone: then only a person who insists goes back. @defaultValue true */
  readonly reversible?: boolean
  /** What a deploy does while another version is being released. @defaultValue 'refuse' */
  readonly onBusy?: 'refuse' | 'supersede' | 'queue'
  /** The engine that does the work. @defaultValue one shared by all parts that use the same `stateDir` */
  readonly engine?: Engine
  /** Where the default engine keeps its memory, its proxy and its logs. @defaultValue '.sluice' */
  readonly stateDir?: string
  /** Adapters of your own in place of the embedded proxy and local processes. */
  readonly adapters?: Partial<Adapters>
}

/** What one deploy may say differently. */
export interface DeployConfig {
  readonly run?: RunOptions
  /** Who wants it, for the journal. */
  readonly by?: string
  /** Why, for the journal. */
  readonly why?: string
  /** Ends the wait, not the rollout. */
  readonly signal?: AbortSignal
}
