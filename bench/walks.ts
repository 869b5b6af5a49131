// Lives of rollouts, from the first event to the end, one of each strategy: what the stepper is measured on.
import type { RolloutEvent } from '../src/events/rollout-event.ts'
import type { StrategyName } from '../src/machines/command.ts'
import {
  pipelineInput,
  releaseInput,
  rollbackInput,
  smokeInput,
  stepsOf,
  suiteTest,
} from '../src/testing/inputs.ts'
import { weight } from '../src/units.ts'

/** One rollout's life. */
export interface Walk {
  readonly strategy: StrategyName
  readonly input: unknown
  /** Without `rollout.requested`, which is the first of every life. */
  readonly events: readonly RolloutEvent[]
  readonly endsIn: string
}

const WINDOW_MS = 30_000
const WINDOWS = 10
const BAKE_MS = WINDOWS * WINDOW_MS
const PERCENTS = [1, 5, 25, 50]
const CLAIM = 7

const ready: RolloutEvent = { type: 'version.ready', version: 'v2', endpoints: [] }
const stopped = (version: string): RolloutEvent => ({ type: 'version.stopped', version })
const drained = (version: string): RolloutEvent => ({ type: 'traffic.drained', version, cut: 0 })

/** All but `percent` stays on v1. */
function shifted(n: number, percent: number, claim = CLAIM): RolloutEvent {
  const shares = [
    { version: 'v1', weight: weight(100 - percent) },
    { version: 'v2', weight: weight(percent) },
  ]
  const split = shares.filter((share) => share.weight > 0)
  return { type: 'traffic.shifted', generation: { claim, n }, split }
}

function judged(n: number, suspicion: 'raised' | 'cleared'): RolloutEvent {
  return {
    type: 'analysis.concluded',
    generation: { claim: CLAIM, n },
    verdict:
      suspicion === 'raised'
        ? { kind: 'inconclusive', cause: 'underpowered', reason: 'suspected' }
        : { kind: 'pass' },
    suspicion,
    observedMs: suspicion === 'raised' ? 0 : WINDOW_MS,
    current: null,
    baseline: null,
  }
}

/** A whole bake, with a suspicion that comes and goes, and a person who looks on. */
function baked(n: number): readonly RolloutEvent[] {
  const healthy = Array.from({ length: WINDOWS - 1 }, () => judged(n, 'cleared'))
  const suspected = [judged(n, 'raised'), judged(n, 'cleared')]
  return [
    ...suspected,
    ...healthy,
    { type: 'pause.requested' },
    { type: 'resume.requested' },
    judged(n, 'cleared'),
  ]
}

const retired: readonly RolloutEvent[] = [{ type: 'retire.elapsed' }, drained('v1'), stopped('v1')]

const ended = (slot: string, status: 'promoted' | 'passed'): RolloutEvent => ({
  type: 'child.ended',
  slot,
  run: 1,
  outcome: { status, cause: null, reason: null },
})

const TESTS = Array.from({ length: 10 }, (_, i) => `test-${i}`)

export const walks: readonly Walk[] = [
  {
    strategy: 'canary',
    input: releaseInput({ steps: stepsOf(PERCENTS, BAKE_MS) }),
    events: [
      ready,
      ...PERCENTS.flatMap((percent, i) => [shifted(i + 1, percent), ...baked(i + 1)]),
      shifted(PERCENTS.length + 1, 100),
      ...retired,
    ],
    endsIn: 'promoted',
  },
  {
    strategy: 'blue-green',
    input: releaseInput({ environment: 'blue', steps: stepsOf([100], BAKE_MS) }),
    events: [ready, shifted(1, 100), ...baked(1), ...retired],
    endsIn: 'promoted',
  },
  {
    strategy: 'rollback',
    input: rollbackInput({ claim: CLAIM }),
    events: [
      shifted(1, 0),
      { type: 'probe.concluded', version: 'v1', health: 'healthy', reason: 'healthy' },
      { type: 'deadline.elapsed' },
      drained('v2'),
      stopped('v2'),
    ],
    endsIn: 'rolled-back',
  },
  {
    strategy: 'smoke',
    input: smokeInput({ tests: TESTS.map((name) => suiteTest(name)), concurrency: 4 }),
    events: TESTS.map((test) => ({
      type: 'test.concluded',
      test,
      attempt: 1,
      answer: { status: 'passed', message: 'ok', durationMs: 3 },
    })),
    endsIn: 'passed',
  },
  {
    strategy: 'pipeline',
    input: pipelineInput(),
    events: [ended('deploy', 'promoted'), ended('smoke', 'passed'), ...retired],
    endsIn: 'promoted',
  },
]
