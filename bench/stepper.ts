// Machine events for each second of CPU: our stepper beside XState's own two ways, on the same machine and the same events.
import { createActor, transition } from 'xstate'

import type { RolloutEvent } from '../src/events/rollout-event.ts'
import { canary, canaryMachine, type ReleaseInput } from '../src/machines/index.ts'
import { weight } from '../src/units.ts'
import { median } from './median.ts'

/** In thousand events for each second of CPU. */
export interface StepperFigures {
  readonly stepper: number
  readonly transition: number
  readonly actor: number
}

const HOUR = 3_600_000
const INPUT: ReleaseInput = {
  version: 'v2',
  stable: 'v1',
  claim: 1,
  steps: [{ weight: weight(50), bakeMs: HOUR }],
  gates: 'auto',
  environment: null,
  stopMs: HOUR,
  keepStable: false,
  reversible: true,
  stagingMs: HOUR,
  shiftingMs: HOUR,
  progressMs: HOUR,
  degradedMs: HOUR,
  retireMs: HOUR,
  drainMs: HOUR,
  rollbackDrainMs: HOUR,
  returnBudgetMs: HOUR,
}

const generation = { claim: 1, n: 1 }
/** Up to where a canary spends its life. */
const PRELUDE: readonly RolloutEvent[] = [
  { type: 'version.ready', version: 'v2', endpoints: [] },
  {
    type: 'traffic.shifted',
    generation,
    split: [
      { version: 'v1', weight: weight(50) },
      { version: 'v2', weight: weight(50) },
    ],
  },
]
const window = (suspicion: 'raised' | 'cleared'): RolloutEvent => ({
  type: 'analysis.concluded',
  generation,
  verdict:
    suspicion === 'raised'
      ? { kind: 'inconclusive', cause: 'underpowered', reason: 'suspected' }
      : { kind: 'pass' },
  suspicion,
  observedMs: 1,
  current: null,
  baseline: null,
})
/** What happens to it there: windows, a suspicion that comes and goes, a person who pauses. */
const ROUND: readonly RolloutEvent[] = [
  window('cleared'),
  window('cleared'),
  window('raised'),
  window('cleared'),
  { type: 'pause.requested' },
  { type: 'resume.requested' },
  window('cleared'),
  window('cleared'),
]

/** Runs all three in turns, and takes the median of each. */
export function benchStepper({ rounds = 7, events = 24_000 } = {}): StepperFigures {
  const ways = { stepper: withStepper, transition: withTransition, actor: withActor }
  const found = { stepper: [] as number[], transition: [] as number[], actor: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const name of ['stepper', 'transition', 'actor'] as const) {
      const began = process.cpuUsage()
      ways[name](events / ROUND.length)
      const { user, system } = process.cpuUsage(began)
      if (round > 0) found[name].push(events / ((user + system) / 1_000))
    }
  }
  return { stepper: median(found.stepper), transition: median(found.transition), actor: median(found.actor) }
}

function withStepper(times: number): void {
  let { snapshot } = canary.start(INPUT)
  for (const event of PRELUDE) ({ snapshot } = canary.step(snapshot, event))
  for (let i = 0; i < times; i++) {
    for (const event of ROUND) ({ snapshot } = canary.step(snapshot, event))
  }
  ended(snapshot.value)
}

function withTransition(times: number): void {
  let snapshot = createActor(canaryMachine, { input: INPUT }).getSnapshot()
  for (const event of PRELUDE) [snapshot] = transition(canaryMachine, snapshot, event)
  for (let i = 0; i < times; i++) {
    for (const event of ROUND) [snapshot] = transition(canaryMachine, snapshot, event)
  }
  ended(snapshot.value)
}

function withActor(times: number): void {
  const actor = createActor(canaryMachine, { input: INPUT }).start()
  for (const event of PRELUDE) actor.send(event)
  for (let i = 0; i < times; i++) for (const event of ROUND) actor.send(event)
  ended(actor.getSnapshot().value)
  actor.stop()
}

/** Each way has to have done the work. */
function ended(state: unknown): void {
  if (state !== 'monitoring')
    throw new Error(`expected to end in monitoring, ended in ${JSON.stringify(state)}`)
}
