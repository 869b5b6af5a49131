// Where decisions meet the world: one interface per outside thing, each method with its promise in one sentence.
// Every port has a contract suite in `src/testing`; an adapter is right when it passes that suite against the real thing.
import type { Observable } from 'rxjs'

import type { Counts, MetricsWindow } from '../analysis/sample.ts'
import type { Generation } from '../events/generation.ts'
import type { Endpoint, TestAnswer } from '../events/rollout-event.ts'
import type { Share } from '../events/share.ts'

export interface Cancellable {
  readonly signal: AbortSignal
}

// ── Traffic ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where a service is to be reached; port 0 asks for a free one. */
export interface Listen {
  readonly host: string
  readonly port: number
}

/** One version's part of a route: its weight, and the instances that share it evenly. */
export interface Backend extends Share {
  readonly endpoints: readonly Endpoint[]
}

/** All that a router does for one service. No backends, or none with a weight: it answers 503 itself. */
export interface Route {
  readonly service: string
  readonly listen: Listen
  readonly generation: Generation
  readonly backends: readonly Backend[]
}

export interface RouterCapabilities {
  /** The smallest change of weight it can make, in basis points. */
  readonly granularity: number
  /** Whether a drain ends when the last request ended (`exact`) or after a time. */
  readonly drain: 'exact' | 'timed'
  /** Whether the router itself refuses an older generation. */
  readonly fences: boolean
}

/** Moves real traffic. */
export interface TrafficRouter {
  readonly capabilities: RouterCapabilities
  /**
   * Makes `route` true for every request from now on, reads it back, and resolves with what was read (its `listen` has
   * the real port). Repeating it is harmless. Rejects with `ROUTER_STALE_GENERATION` when a newer one is in force.
   */
  apply(route: Route, options: Cancellable): Promise<Route>
  /** Reads the route that is in force; null when the router knows nothing of the service. */
  read(service: string, options: Cancellable): Promise<Route | null>
  /**
   * Resolves when no request or connection to the version is open any more, at the latest after `ms`; whatever was
   * still open is cut then, and counted.
   */
  drain(
    what: { readonly service: string; readonly version: string; readonly ms: number },
    options: Cancellable,
  ): Promise<{
    readonly cut: number
  }>
  /** Forgets a service: its listener is closed, its counters are gone. */
  remove(service: string, options: Cancellable): Promise<void>
}

// ── Metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Counts of one version's requests that started while one generation was in force. */
export interface GenerationCounts {
  readonly generation: Generation
  readonly version: string
  readonly counts: Counts
}

/** Counts what happened to the requests of a service. */
export interface MetricsSource {
  /** Emits one window of counts each `windowMs`, from now on, never overlapping; errors when it can't know. */
  windows(what: { readonly service: string; readonly windowMs: number }): Observable<MetricsWindow>
  /** All that was counted since `claim` took the service, by generation and version: what the ledger is made of. */
  counts(
    what: { readonly service: string; readonly claim: number },
    options: Cancellable,
  ): Promise<readonly GenerationCounts[]>
}

// ── Platform ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** How to run a version: a command with its environment. `{version}`, `{port}` and `{service}` are filled in. */
export interface RunSpec {
  /** Program and arguments; never given to a shell. */
  readonly command: readonly string[]
  /** Values may be references (`env:NAME`, `file:path`), resolved when the process is started and stored nowhere. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** How many instances. */
  readonly replicas: number
  /** How long an instance may take to end after SIGTERM before it is killed. */
  readonly stopGraceMs: number
}

/** What is to run: a version of a service, and how. */
export interface Deployable {
  readonly service: string
  readonly version: string
  readonly run: RunSpec
}

/** An instance that a platform keeps alive. */
export interface Instance extends Endpoint {
  readonly service: string
  readonly version: string
  readonly startedAt: number
  /** How often it had to be started again. */
  readonly restarts: number
}

/** What a platform noticed by itself: nobody had asked for it. */
export interface InstanceEvent {
  readonly kind: 'exited' | 'restarted'
  readonly instance: Instance
  readonly reason: string
}

/** Runs versions. */
export interface Platform {
  /**
   * Makes the wanted instances exist and resolves with where they will answer (which is not yet a proof of health).
   * Instances that already run are found again, not doubled.
   */
  start(what: Deployable, options: Cancellable): Promise<readonly Instance[]>
  /** Resolves when no instance of the version runs any more: asked politely first, killed after the grace. */
  stop(what: { readonly service: string; readonly version: string }, options: Cancellable): Promise<void>
  /** All instances of a service that run now, also those started by an earlier controller. */
  list(service: string, options: Cancellable): Promise<readonly Instance[]>
  /** Unplanned exits and restarts, from now on. */
  readonly events$: Observable<InstanceEvent>
}

// ── Health ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** How to ask an instance whether it is well. Plain data: it is stored with the rollout. */
export type ProbeSpec =
  | {
      readonly kind: 'http'
      readonly path: string
      readonly timeoutMs: number
      /** The accepted status codes. */
      readonly status: readonly number[]
      /** Text that the body has to contain. */
      readonly body: string | null
      /** Headers that the answer has to have; `{version}` is filled in. */
      readonly headers: Readonly<Record<string, string>>
      /** The longest answer that still counts as healthy. */
      readonly maxLatencyMs: number | null
    }
  | { readonly kind: 'tcp'; readonly timeoutMs: number }
  | { readonly kind: 'command'; readonly command: readonly string[]; readonly timeoutMs: number }

/** What one probe found; `error` when it could not even be asked (which is never a pass). */
export interface ProbeAnswer {
  readonly health: 'healthy' | 'unhealthy' | 'error'
  readonly latencyMs: number
  /** In words, without secrets: `503 instead of 200`. */
  readonly message: string
}

/** Asks an instance whether it is well. */
export interface HealthProbe {
  /** Asks once; never rejects except when aborted by the signal, and leaves nothing running behind. */
  probe(
    spec: ProbeSpec,
    target: { readonly version: string; readonly endpoint: Endpoint },
    options: Cancellable,
  ): Promise<ProbeAnswer>
}

// ── Smoke tests ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** What an HTTP answer has to be like. */
export interface ExpectedAnswer {
  /** The accepted status codes. */
  readonly status: readonly number[]
  /** Text that the body has to contain. */
  readonly body: string | null
  /** JSON that the body has to contain: objects may have more keys, everything else has to be equal. Null asks for none. */
  readonly json: unknown
}

/** How one smoke test asks. Plain data, but for `function`: that one is bound by its name when it runs. */
export type TestSpec =
  | {
      readonly kind: 'http'
      readonly name: string
      readonly method: string
      readonly path: string
      /** Values may be references: `env:NAME` or `file:path`. */
      readonly headers: Readonly<Record<string, string>>
      readonly body: string | null
      readonly expect: ExpectedAnswer
    }
  | { readonly kind: 'function'; readonly name: string }

/** Runs one attempt of a smoke test. */
export interface TestRunner {
  /**
   * Asks once, and says what came of it. Rejects when aborted by the signal, and with a `UsageError` when the test can't be
   * run as it is written: `UNBOUND_NAME` for a function or a reference that nobody knows here, else `ARGUMENT_INVALID`.
   */
  run(
    test: TestSpec,
    target: { readonly service: string; readonly url: string; readonly version: string },
    options: Cancellable,
  ): Promise<TestAnswer>
}

// ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One line of a service's journal. JSON throughout. */
export interface JournalEntry {
  readonly rollout: string
  readonly strategy: string
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly event: unknown
  /** The machine's state after it, as a path. */
  readonly state: string
  readonly commands: readonly unknown[]
}

/** An entry with its places: `seq` in its service, `cursor` in the whole store. */
export interface StoredEntry extends JournalEntry {
  readonly service: string
  readonly seq: number
  readonly cursor: number
}

/** A service's record with the version that the next append has to name. */
export interface StoredRecord {
  readonly service: string
  readonly version: number
  readonly record: unknown
}

/**
 * Remembers: one append-only journal per service beside the newest record of it, changed together or not at all.
 * Rejections are `AdapterError`s: `STORE_CONFLICT` (someone else appended: nothing was written), `STORE_AMBIGUOUS` (it may
 * or may not have been written: load and compare), `STORE_UNAVAILABLE` (nothing was written; try again).
 */
export interface Store {
  /** What an acknowledged append survives: a power cut, the death of the process, or nothing. */
  readonly durability: 'power' | 'process' | 'none'
  /**
   * Appends `entry` and replaces the record, if the service is still at version `expected` (0: it is new); resolves,
   * once that is durable, with the entry's places. The service's new version is the entry's `seq`.
   */
  append(
    service: string,
    expected: number,
    change: { readonly entry: JournalEntry; readonly record: unknown },
  ): Promise<StoredEntry>
  /** The newest record; null when the service is unknown. */
  load(service: string): Promise<StoredRecord | null>
  /** The newest records of all services, by name. */
  list(): Promise<readonly StoredRecord[]>
  /** The journal of a service after `after` (a `seq`, 0 for all), oldest first, at most `limit`. */
  history(
    service: string,
    range: { readonly after: number; readonly limit: number },
  ): Promise<readonly StoredEntry[]>
  /** The whole store's entries after `cursor`, then each new one as it is appended, in order and without a gap. */
  watch(cursor: number, options: Cancellable): AsyncIterable<StoredEntry>
  /** The cursor of the newest entry; 0 for an empty store. */
  head(): Promise<number>
  close(): Promise<void>
}

// ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Time as the controller sees it: the machine's clock, or a test's. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `fn` once after `ms` (any length, also beyond 2^31); the returned function cancels it. */
  after(ms: number, fn: () => void): () => void
}

/** Everything an engine needs of the world. */
export interface Adapters {
  readonly router: TrafficRouter
  readonly metrics: MetricsSource
  readonly platform: Platform
  readonly probe: HealthProbe
  readonly tests: TestRunner
}
