// The options that the public parts share, as people write them; `src/engine/spec.ts` holds what is made of them.
import { type Check, errorRate, latency } from './analysis/checks.ts'
import type { Engine } from './engine/engine.ts'
import type { Adapters } from './engine/ports.ts'
import type { Duration } from './units.ts'

/** How an instance is asked whether it is well. */
export type ProbeOptions = HttpProbeOptions | TcpProbeOptions | CommandProbeOptions

/** Healthy is an answer as it is said here. */
export interface HttpProbeOptions {
  readonly kind?: 'http'
  /** @defaultValue '/health' */
  readonly path?: string
  /** How long the whole answer may take. @defaultValue '2s' */
  readonly timeout?: Duration
  /** The accepted status codes. @defaultValue 200 */
  readonly status?: number | readonly number[]
  /** Text that the body has to contain. */
  readonly body?: string
  /** Headers that the answer has to have; `{version}` is filled in, so that a stranger on the port is found out. */
  readonly headers?: Readonly<Record<string, string>>
  /** An answer that took longer is not healthy. */
  readonly maxLatency?: Duration
}

/** Healthy is a port that takes connections. */
export interface TcpProbeOptions {
  readonly kind: 'tcp'
  /** @defaultValue '2s' */
  readonly timeout?: Duration
}

/** Healthy is a program that ends with 0. */
export interface CommandProbeOptions {
  readonly kind: 'command'
  /** Program and arguments; `{url}`, `{host}`, `{port}`, `{version}` and `{instance}` are filled in; never given to a shell. */
  readonly command: string | readonly string[]
  /** @defaultValue '10s' */
  readonly timeout?: Duration
}

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
  readonly health?: ProbeOptions
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

export interface CanaryOptions extends ServiceOptions {
  /**
   * The version that serves before the first rollout is made with Sluice; from then on the service's own record says.
   */
  readonly stableVersion?: string
  /**
   * The most of the traffic that the canary may get, in percent, step by step; rising. A last step of 100 is watched at 95, so
   * that the old version is left to be compared with; everything is routed after it. @defaultValue [5, 10, 25, 50, 100]
   */
  readonly trafficSteps?: readonly number[]
  /** How long each step has to be observed and healthy. @defaultValue '30s' */
  readonly validationDuration?: Duration
}

export interface BlueGreenOptions extends ServiceOptions {
  /** How long the new environment has to be healthy after the swap. @defaultValue '30s' */
  readonly monitoringDuration?: Duration
}

/** What an HTTP answer to a smoke test has to be like. */
export interface ExpectOptions {
  /** The accepted status codes. @defaultValue 200 */
  readonly status?: number | readonly number[]
  /** Text that the body has to contain. */
  readonly body?: string
  /** JSON that the body has to contain: objects may have more keys, everything else has to be equal. */
  readonly json?: unknown
}

/** One real request to the service's API, and what has to come back. */
export interface HttpTestOptions {
  /** @defaultValue 'GET', or 'POST' with a body */
  readonly method?: string
  /** @defaultValue '/' */
  readonly path?: string
  /** Values may be references: `env:NAME` or `file:path`, resolved when they are sent and stored nowhere. */
  readonly headers?: Readonly<Record<string, string>>
  /** Text, or anything else to be sent as JSON. */
  readonly body?: unknown
  readonly expect?: ExpectOptions
}

/** What a test function is told. */
export interface TestContext {
  /** Where the version under test is reached. */
  readonly url: string
  readonly version: string
  /** Aborts at the test's timeout, and when the run is given up. */
  readonly signal: AbortSignal
}

/** A test of your own: it fails by throwing. What it resolves with is ignored, but for a test that says it was skipped. */
export type TestFunction = (context: TestContext) => unknown

interface TestRules {
  /** Unique within the suite; it is how a function is found again after a restart. */
  readonly name: string
  /** Only critical tests decide about the suite. @defaultValue 'critical' */
  readonly severity?: 'critical' | 'non-critical'
  /** How long one attempt may take. @defaultValue the suite's `timeout` */
  readonly timeout?: Duration
  /** How often a failed test is tried again, 0 to 20; each attempt is recorded. @defaultValue the suite's `retries` */
  readonly retries?: number
}

/** A smoke test: a request, or a function of yours. */
export type SmokeTestOptions =
  | (TestRules & { readonly http: HttpTestOptions })
  | (TestRules & { readonly run: TestFunction })

export interface SmokeOptions {
  /** The service that is tested; letters, digits and `. _ + -` between them. */
  readonly name: string
  /** Where to ask. @defaultValue an instance of `version` itself, where Sluice runs it */
  readonly endpointUrl?: string
  /** The version that is tested. @defaultValue the one that was staged or released last */
  readonly version?: string
  /** How long one attempt may take. @defaultValue '30s' */
  readonly timeout?: Duration
  /** How long the whole run may take. @defaultValue '10m' */
  readonly budget?: Duration
  /** Whether the first critical failure skips what has not started yet. @defaultValue false */
  readonly failFast?: boolean
  /** How often a failed test is tried again, 0 to 20. @defaultValue 0 */
  readonly retries?: number
  /** How many tests run at once, 1 to 100. @defaultValue 4 */
  readonly concurrency?: number
  /** The path of the built-in health check. @defaultValue '/health' */
  readonly healthPath?: string
  /** The built-in call of the service's main API. @defaultValue `GET /` answers 200 */
  readonly basicCall?: HttpTestOptions
  /** Your own tests, beside the two built in. */
  readonly tests?: readonly SmokeTestOptions[]
  readonly engine?: Engine
  readonly stateDir?: string
  readonly adapters?: Partial<Adapters>
}

export interface RollbackOptions {
  /** The service that is taken back. */
  readonly name: string
  /** How long restoring a retired version may take. @defaultValue '5m' */
  readonly stagingTimeout?: Duration
  /** How long open requests of the version that is left may go on; then they are cut, and counted. @defaultValue '5s' */
  readonly rollbackDrainTimeout?: Duration
  /** How long a return may stay unconfirmed before people are called (it is tried for ever). @defaultValue '1m' */
  readonly returnBudget?: Duration
  /** How long the version it went back to has to be healthy before it is verified. @defaultValue '10s' */
  readonly verifyDuration?: Duration
  readonly engine?: Engine
  readonly stateDir?: string
  readonly adapters?: Partial<Adapters>
}

export interface PipelineOptions extends CanaryOptions, BlueGreenOptions {
  /** How the new version gets its traffic. @defaultValue 'blue-green' */
  readonly strategy?: 'canary' | 'blue-green'
  /** The tests after the deploy; false for none. @defaultValue the two built-in tests */
  readonly smoke?: Omit<SmokeOptions, 'name' | 'version' | 'engine' | 'stateDir' | 'adapters'> | false
}

/** What holds where nothing is said. */
export const STANDARD = {
  healthCheckInterval: '5s',
  healthCheckThreshold: 3,
  validationDuration: '30s',
  monitoringDuration: '30s',
  trafficSteps: [5, 10, 25, 50, 100],
  window: '1s',
  stagingTimeout: '5m',
  shiftTimeout: '30s',
  progressDeadline: '30m',
  degradedTimeout: '1m',
  retireAfter: '0s',
  drainTimeout: '30s',
  rollbackDrainTimeout: '5s',
  returnBudget: '1m',
} as const satisfies Readonly<Record<string, Duration | number | readonly number[]>>

/**
 * What is asked of the traffic when nobody says: of a canary's, compared with the baseline of the same moment; of a blue-green
 * release's, a guard and not a condition, for health is its evidence.
 */
export const STANDARD_CHECKS: Readonly<Record<'canary' | 'blue-green', readonly Check[]>> = {
  canary: [errorRate({ max: 0.05, aboveBaseline: 0.01 }), latency({ timesBaseline: 2, required: false })],
  'blue-green': [errorRate({ max: 0.05, required: false })],
}
