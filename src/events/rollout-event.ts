import type { MetricsSnapshot } from '../analysis/sample.ts'
import type { Suspicion, Verdict } from '../analysis/verdict.ts'
import type { Weight } from '../units.ts'
import type { Generation } from './generation.ts'
import type { Cause, Outcome } from './outcome.ts'
import type { Split } from './share.ts'

/** Where an instance of a version can be reached. */
export interface Endpoint {
  /** Tells instances of one version apart; the same for as long as the instance lives. */
  readonly instance: string
  readonly url: string
}

/** The alarms a rollout can set for itself. */
export type TimerName = 'budget' | 'deadline' | 'progress' | 'retire' | 'retry'

/** What a person, or a program on a person's behalf, asks for. */
interface Asked {
  /** Who asked, as the caller names itself. */
  readonly by?: string
  readonly reason?: string
}

/** One answer to a smoke test. */
export interface TestAnswer {
  readonly status: 'passed' | 'failed' | 'skipped'
  readonly message: string
  readonly durationMs: number
}

/** What one window of traffic was judged to mean. */
export interface AnalysisConcluded {
  readonly type: 'analysis.concluded'
  /** What was judged: a verdict on an older generation says nothing about the weight of now. */
  readonly generation: Generation
  readonly verdict: Verdict
  readonly suspicion: Suspicion
  /** How much of the bake this window counts for: its length when all that was required was seen, else 0. */
  readonly observedMs: number
  readonly current: MetricsSnapshot | null
  readonly baseline: MetricsSnapshot | null
}

/**
 * What happened, as `subject.predicate` in the past tense. The same names are used by the machines, the journal, the
 * event stream and the command line, so a line in one can be found in all.
 */
export type RolloutEvent =
  | { readonly type: 'rollout.requested' }
  // What people ask for.
  | ({ readonly type: 'pause.requested' } & Asked)
  | ({ readonly type: 'resume.requested' } & Asked)
  | ({ readonly type: 'promote.requested'; readonly full?: boolean } & Asked)
  | ({ readonly type: 'abort.requested'; readonly force?: boolean; readonly cause?: Cause } & Asked)
  | ({ readonly type: 'weight.requested'; readonly weight: Weight } & Asked)
  | ({ readonly type: 'swap.requested' } & Asked)
  /** `bakeMs`: how long it is to be healthy; as long as the release says when left out. */
  | ({ readonly type: 'monitor.requested'; readonly bakeMs?: number } & Asked)
  // What the platform says.
  | { readonly type: 'version.ready'; readonly version: string; readonly endpoints: readonly Endpoint[] }
  | { readonly type: 'version.failed'; readonly version: string; readonly reason: string }
  | { readonly type: 'version.exited'; readonly version: string; readonly reason: string }
  | { readonly type: 'version.moved'; readonly version: string; readonly endpoints: readonly Endpoint[] }
  | { readonly type: 'version.stopped'; readonly version: string }
  // What the router says.
  | { readonly type: 'traffic.shifted'; readonly generation: Generation; readonly split: Split }
  | { readonly type: 'traffic.rejected'; readonly generation: Generation; readonly reason: string }
  | { readonly type: 'traffic.drained'; readonly version: string; readonly cut: number }
  // What those who watch say.
  | AnalysisConcluded
  | {
      readonly type: 'probe.concluded'
      readonly version: string
      readonly health: 'healthy' | 'suspect' | 'unhealthy'
      readonly reason: string
    }
  | {
      readonly type: 'test.concluded'
      readonly test: string
      readonly attempt: number
      readonly answer: TestAnswer
    }
  // What the controller says to itself.
  | { readonly type: `${TimerName}.elapsed` }
  | { readonly type: 'child.ended'; readonly slot: string; readonly run: number; readonly outcome: Outcome }
  | { readonly type: 'claim.lost'; readonly by: string }
  | { readonly type: 'rollout.parked'; readonly reason: string }
  /** A new controller tries a parked rollout again: what was missing may be there. */
  | { readonly type: 'rollout.unparked' }
  // What the rollback manager is told of deployments that others make.
  | {
      readonly type: 'deployment.tracked'
      readonly id: string
      readonly strategy: string
      readonly version: string
    }
  | { readonly type: 'deployment.untracked'; readonly id: string }

/** The events that people send; everything else is told by the world. */
export type OperatorEvent = Exclude<
  Extract<RolloutEvent, { readonly type: `${string}.requested` }>,
  { readonly type: 'rollout.requested' }
>

export type RolloutEventOf<T extends RolloutEvent['type']> = Extract<RolloutEvent, { readonly type: T }>
