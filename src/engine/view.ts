// What people and programs get to see of the engine's memory: plain data, safe to print, the same in process and over HTTP.
import type { Observable } from 'rxjs'

import type { MetricsSnapshot } from '../analysis/sample.ts'
import type { Verdict } from '../analysis/verdict.ts'
import type { Envelope } from '../events/envelope.ts'
import type { Generation } from '../events/generation.ts'
import type { Cause, Outcome } from '../events/outcome.ts'
import type { Endpoint, OperatorEvent, RolloutEvent, RolloutEventOf } from '../events/rollout-event.ts'
import type { Split } from '../events/share.ts'
import type { StrategyName } from '../machines/command.ts'
import type { Weight } from '../units.ts'

/** What happened to the requests of one version, by the time each started. */
export interface VersionLedger {
  readonly version: string
  /** Answered completely by the version, by status class `[1xx, 2xx, 3xx, 4xx, 5xx]`. */
  readonly served: readonly [number, number, number, number, number]
  /** The version's own 5xx. */
  readonly appErrors: number
  /** Refused, reset, truncated, timed out, or answered with a 5xx that the proxy had to make. */
  readonly failed: number
  readonly clientAborts: number
  /** Still open at the drain's deadline. */
  readonly cut: number
}

/** What a rollout did to the people behind the traffic, from its first change of traffic to the drain. */
export interface RequestLedger {
  /** All requests that started in that time. */
  readonly total: number
  readonly failed: number
  readonly versions: readonly VersionLedger[]
  /** False when a counter could not be read: then the figures are a lower bound. */
  readonly complete: boolean
}

/** The ledger of one change of traffic. */
export interface StepLedger {
  readonly generation: Generation
  readonly ledger: RequestLedger
}

/** How often instances of a rollout's version were asked, once it had traffic. */
export interface HealthChecks {
  readonly passed: number
  readonly failed: number
}

/** A rollout as it stands. */
export interface RolloutView {
  readonly id: string
  readonly service: string
  readonly strategy: StrategyName
  readonly version: string
  /** The version that traffic would return to; null in a first release. */
  readonly stable: string | null
  /** The machine's state as a path, for example `rolling-back.returning`. */
  readonly state: string
  readonly status: 'active' | 'parked' | 'ended'
  /** Why it is parked: what broke, and what to do. */
  readonly parked: string | null
  /** How it ended, or that it is stranded. */
  readonly outcome: Outcome | null
  /** What the router was last read back to do. */
  readonly split: Split
  /** The step being walked, counted from 1, of how many; null where there are no steps. */
  readonly step: {
    readonly index: number
    readonly of: number
    readonly bakeMs: number
    readonly observedMs: number
  } | null
  /** What the newest window said. */
  readonly verdict: Verdict | null
  readonly current: MetricsSnapshot | null
  readonly baseline: MetricsSnapshot | null
  readonly healthChecks: HealthChecks
  /** The parent rollout, for a child. */
  readonly parent: string | null
  /** RFC 3339, UTC. */
  readonly startedAt: string
  readonly endedAt: string | null
  /** Null until traffic was first changed. */
  readonly requests: RequestLedger | null
  readonly steps: readonly StepLedger[]
  /** The strategy's own details, as plain data (the results of smoke tests, what a rollback cleaned up …). */
  readonly details: Readonly<Record<string, unknown>>
}

/** A known-good version with its configuration: what a rollback can go back to. */
export interface RevisionView {
  readonly version: string
  /** RFC 3339, UTC: when its release was over and healthy. */
  readonly since: string
  readonly by: string | null
  readonly why: string | null
  /** Whether instances of it run now. */
  readonly warm: boolean
}

/** A version that the service knows, whether or not any of it runs. */
export interface VersionView {
  readonly version: string
  readonly condition: 'unknown' | 'healthy' | 'suspect' | 'unhealthy'
  /** What it gets of the traffic. */
  readonly weight: Weight
  /** Where its instances are; none while it does not run. */
  readonly endpoints: readonly Endpoint[]
}

/** A service as it stands. */
export interface ServiceView {
  readonly service: string
  /** Where clients reach it; null before its first route. */
  readonly url: string | null
  readonly stable: RevisionView | null
  readonly live: 'blue' | 'green' | null
  readonly revisions: readonly RevisionView[]
  readonly split: Split
  readonly generation: Generation | null
  /** The rollout that holds the service. */
  readonly active: string | null
  readonly versions: readonly VersionView[]
  readonly rollouts: readonly RolloutView[]
  /** Deployments that something else makes, as they were made known. */
  readonly tracked: readonly { readonly id: string; readonly strategy: string; readonly version: string }[]
}

/** Said in a bounded stream to a reader who was too slow: so many events are missing here. */
export interface Lagged {
  readonly type: 'lagged'
  readonly dropped: number
}

export interface EventsOptions {
  /** Start after this cursor instead of now; 0 for everything there is. */
  readonly since?: number
  /** Only this rollout and its children. */
  readonly rollout?: string
  readonly signal?: AbortSignal
}

/** How a service is to be taken back. */
export interface RollbackRequest {
  /** The version to go back to. @defaultValue the one that was stable before */
  readonly targetVersion?: string
  /** Goes back past a version whose changes can not be undone. @defaultValue false */
  readonly force?: boolean
  /** @defaultValue 'manual' */
  readonly cause?: Cause
  /** Why, in words. */
  readonly reason?: string
  /** Who asks. */
  readonly by?: string
}

/** What can be seen and asked of an engine, in process or from afar. */
export interface EngineView {
  /** Every event once it is in the journal, in order, from now on. */
  readonly events$: Observable<Envelope>
  /** Calls back for one type of event; the returned function stops it. A callback that throws harms nobody. */
  on<T extends RolloutEvent['type']>(
    type: T,
    listener: (envelope: Envelope<RolloutEventOf<T>>) => void,
  ): () => void
  /** The journal from a cursor on, then what comes; ordered, without a gap. */
  events(options?: EventsOptions): AsyncIterable<Envelope | Lagged>
  /** The cursor of the newest event; 0 when nothing has happened yet. What follows it is what comes from now on. */
  head(): Promise<number>
  /** The newest view of a rollout, then each that follows; completes with its end. Unknown ids error with `ROLLOUT_UNKNOWN`. */
  state$(rollout: string): Observable<RolloutView>
  services(): readonly ServiceView[]
  /** @throws UsageError `ROLLOUT_UNKNOWN` */
  rollout(id: string): RolloutView
  /**
   * Sends what a person asks for, and resolves with what it led to once that is in the journal.
   * @throws UsageError `ROLLOUT_UNKNOWN`, or `EVENT_REFUSED` with the reason when its state can't take it
   */
  send(rollout: string, event: OperatorEvent): Promise<RolloutView>
  /**
   * Takes a service back: the rollout that is going on is aborted; where none is, or another version is wanted, a rollback
   * starts, which is a rollout of its own. Resolves with that rollout once it is in the journal.
   * @throws UsageError `ROLLOUT_UNKNOWN` for an unknown service, `ROLLBACK_IMPOSSIBLE` with the reason
   */
  rollback(service: string, request?: RollbackRequest): Promise<RolloutView>
}
