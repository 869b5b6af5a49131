import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'

import type { Generation } from '../events/generation.ts'
import type { Outcome } from '../events/outcome.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import type { Split } from '../events/share.ts'
import type { Activity } from './activity.ts'
import type { StrategyName } from './command.ts'
import { type Ready, type Stepper, stepper } from './step.ts'

/** The way back that every commit reserves: what to make true if nothing else works any more. */
export interface ReservedReturn {
  readonly split: Split
  readonly generation: Generation
}

/** What a strategy says about its own snapshots. */
export interface Reading<S> {
  readonly name: StrategyName
  /** Raised when stored snapshots of the machine before would be read wrongly. */
  readonly version: number
  /** What is to be watched in this state. */
  activitiesOf(snapshot: S): readonly Activity[]
  /** How it ended, or that it is stranded; null while it goes on. */
  outcomeOf(snapshot: S): Outcome | null
  /** The way back from here; null when it moved no traffic, or may not move any. */
  returnOf(snapshot: S): ReservedReturn | null
}

/** A strategy as the engine knows it: a machine as pure functions, and what can be read off its snapshots. */
export interface Strategy<S = AnyMachineSnapshot, I = unknown> extends Reading<S> {
  readonly machine: AnyStateMachine
  start(input: I): Ready<S>
  step(snapshot: S, event: RolloutEvent): Ready<S>
  restore(json: unknown): S
}

/** The options of every machine: an event is one transition, so whatever goes on by itself is a bug that has to end. */
export const bounded = { maxIterations: 10 } as const

/**
 * Makes a strategy of a machine and what is said about its snapshots. The first event of every rollout is
 * `rollout.requested`: a start is its machine's birth and that event, in one step.
 */
export function strategy<S extends AnyMachineSnapshot, I>(
  machine: Parameters<typeof stepper<S, RolloutEvent, I>>[0],
  reading: Reading<S>,
): Reading<S> & Stepper<S, RolloutEvent, I> & { readonly machine: AnyStateMachine } {
  const core = stepper<S, RolloutEvent, I>(machine)
  return {
    machine,
    ...core,
    ...reading,
    start(input) {
      const born = core.start(input)
      const requested = core.step(born.snapshot, { type: 'rollout.requested' })
      return { snapshot: requested.snapshot, commands: [...born.commands, ...requested.commands] }
    },
  }
}

/** A state as a path, the way journals and dashboards show it: `rolling-back.returning`. */
export function pathOf(value: AnyMachineSnapshot['value']): string {
  if (typeof value === 'string') return value
  return Object.entries(value)
    .map(([state, inner]) => (inner === undefined ? state : `${state}.${pathOf(inner)}`))
    .join('+')
}
