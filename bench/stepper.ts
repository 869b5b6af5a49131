// Machine events for each second of CPU: our stepper beside XState's own two ways, on the same machine and the same events.
import { type AnyMachineSnapshot, type AnyStateMachine, createActor, StateMachine, transition } from 'xstate'

import type { RolloutEvent } from '../src/events/rollout-event.ts'
import { type Strategy, strategies } from '../src/machines/index.ts'
import { median } from './median.ts'
import { type Walk, walks } from './walks.ts'

/** In thousand events for each second of CPU. */
export interface StepperFigures {
  readonly strategy: string
  readonly stepper: number
  /** On a machine that knows its input, so that the actor which every call makes can begin. */
  readonly transition: number
  /** On the machine as it is: that actor is told no input, and what its beginning throws is caught on every call. */
  readonly untold: number
  readonly actor: number
}

const WAYS = ['stepper', 'transition', 'untold', 'actor'] as const
type Way = (typeof WAYS)[number]

/** Walks every strategy all ways in turns, and takes the median of each; last, all of them together. */
export function benchStepper({ rounds = 7, events = 4_000 } = {}): readonly StepperFigures[] {
  const lanes = walks.flatMap((walk) => {
    const run = waysOf(walk)
    return WAYS.map((way) => ({ walk, way, run: run[way], took: [] as number[] }))
  })
  for (let round = 0; round <= rounds; round++) {
    for (const { walk, run, took } of lanes) {
      const times = Math.ceil(events / walk.events.length)
      const began = process.cpuUsage()
      run(times)
      const { user, system } = process.cpuUsage(began)
      // The first round only warms up.
      if (round > 0) took.push((user + system) / 1_000 / (times * walk.events.length))
    }
  }
  const costOf = (strategy: string, way: Way) =>
    median(lanes.find((lane) => lane.walk.strategy === strategy && lane.way === way)?.took ?? [])
  const costs = walks.map(({ strategy }) => ({ strategy, cost: (way: Way) => costOf(strategy, way) }))
  const all = (way: Way) => costs.reduce((sum, { cost }) => sum + cost(way), 0) / costs.length
  return [...costs, { strategy: 'all', cost: all }].map(({ strategy, cost }) => figures(strategy, cost))
}

function figures(strategy: string, cost: (way: Way) => number): StepperFigures {
  return {
    strategy,
    stepper: 1 / cost('stepper'),
    transition: 1 / cost('transition'),
    untold: 1 / cost('untold'),
    actor: 1 / cost('actor'),
  }
}

/** Each walks the events of a rollout that has just begun, so many times; only an actor has to be made anew for it. */
function waysOf(walk: Walk): Record<Way, (times: number) => void> {
  const strategy: Strategy = strategies[walk.strategy]
  const { snapshot: begun } = strategy.start(walk.input)
  const told = begunWith(strategy, walk.input)
  return {
    stepper: repeated(walk, (events) => {
      let snapshot = begun
      for (const event of events) ({ snapshot } = strategy.step(snapshot, event))
      return snapshot
    }),
    transition: repeated(walk, (events) => {
      let snapshot: AnyMachineSnapshot = told.begun
      for (const event of events) [snapshot] = transition(told.machine, snapshot, event)
      return snapshot
    }),
    untold: repeated(walk, (events) => {
      let snapshot = begun
      for (const event of events) [snapshot] = transition(strategy.machine, snapshot, event)
      return snapshot
    }),
    actor: repeated(walk, (events) => {
      const actor = createActor(told.machine, { snapshot: told.begun }).start()
      for (const event of events) actor.send(event)
      return actor.getSnapshot()
    }),
  }
}

/** The same machine, knowing its input by itself, and a rollout of it that has just begun. */
function begunWith({ machine: { config, implementations } }: Strategy, input: unknown) {
  const context: unknown = config.context
  if (typeof context !== 'function')
    throw new TypeError('expected a machine that makes its context of its input')
  const machine: AnyStateMachine = new StateMachine(
    { ...config, context: (args: object) => context({ ...args, input }) },
    implementations,
  )
  const [begun] = transition(machine, createActor(machine).getSnapshot(), { type: 'rollout.requested' })
  return { machine, begun }
}

/** Each way has to have done the work. */
function repeated({ events, endsIn }: Walk, run: (events: readonly RolloutEvent[]) => AnyMachineSnapshot) {
  return (times: number): void => {
    for (let i = 0; i < times; i++) {
      const { value } = run(events)
      if (value !== endsIn) throw new Error(`expected to end in ${endsIn}, ended in ${JSON.stringify(value)}`)
    }
  }
}
