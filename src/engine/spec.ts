// What is to be done, as data: it is written into the journal with the first event of a rollout, and what is recorded
// there beats a file that was edited since.
import type { Check } from '../analysis/checks.ts'
import type { Cause } from '../events/outcome.ts'
import type { ReleaseInput, StrategyName } from '../machines/index.ts'
import type { Listen, ProbeSpec, RunSpec, TestSpec } from './ports.ts'

/** How a version is asked whether it is well. */
export interface HealthSpec {
  readonly probe: ProbeSpec
  readonly intervalMs: number
  /** Consecutive answers that count. */
  readonly threshold: number
}

interface Common {
  readonly service: string
  readonly by: string | null
  readonly why: string | null
}

/** The times of a release that its machine is told. */
export type ReleaseTimes = Pick<
  ReleaseInput,
  | 'stagingMs'
  | 'shiftingMs'
  | 'progressMs'
  | 'degradedMs'
  | 'retireMs'
  | 'drainMs'
  | 'rollbackDrainMs'
  | 'returnBudgetMs'
>

/** A release of one version of a service. */
export interface ReleaseSpec extends Common {
  readonly strategy: 'canary' | 'blue-green'
  readonly version: string
  readonly listen: Listen
  readonly run: RunSpec
  readonly health: HealthSpec
  readonly checks: readonly Check[]
  readonly windowMs: number
  readonly steps: ReleaseInput['steps']
  readonly gates: ReleaseInput['gates']
  readonly keepStable: boolean
  readonly reversible: boolean
  readonly times: ReleaseTimes
}

/** One smoke test with its rules. */
export interface SmokeTestSpec {
  readonly test: TestSpec
  readonly severity: 'critical' | 'non-critical'
  readonly timeoutMs: number
  readonly retries: number
}

/** A run of smoke tests against one version. */
export interface SmokeSpec extends Common {
  readonly strategy: 'smoke'
  readonly version: string
  /** Where to ask; null asks an instance of the version itself. */
  readonly endpointUrl: string | null
  readonly tests: readonly SmokeTestSpec[]
  readonly failFast: boolean
  readonly concurrency: number
  readonly budgetMs: number
}

/** A way back, as an act of its own. */
export interface RollbackSpec extends Common {
  readonly strategy: 'rollback'
  /** Null for the revision before; once it has started: null for nowhere. */
  readonly target: string | null
  /** Whether to go back past a version whose changes can not be undone. */
  readonly force: boolean
  /** Whether what it leaves goes on running: then it only routes. */
  readonly keep: boolean
  readonly cause: Cause
  readonly reason: string
  readonly stagingMs: number
  readonly drainMs: number
  readonly returnBudgetMs: number
  readonly verifyMs: number
}

/** A release, its smoke tests, and the way back if they fail. */
export interface PipelineSpec extends Common {
  readonly strategy: 'pipeline'
  readonly version: string
  readonly release: ReleaseSpec
  readonly smoke: SmokeSpec | null
}

/** What a rollout is to do. */
export type RolloutSpec = ReleaseSpec | SmokeSpec | RollbackSpec | PipelineSpec

/** The version a rollout is about. */
export function versionOf(spec: RolloutSpec): string {
  return spec.strategy === 'rollback' ? (spec.target ?? '') : spec.version
}

/** Whether rollouts of a strategy change traffic: each takes a claim of its own, and only one may go on in a service. */
export function takesTraffic(strategy: StrategyName): boolean {
  return strategy !== 'smoke'
}
