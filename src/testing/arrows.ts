// The arrows of a machine's diagram by name: those it declares, and those that an event takes.
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'

import type { RolloutEvent } from '../events/rollout-event.ts'
import { type Strategy, stepper } from '../machines/index.ts'

/**
 * Every arrow a machine declares, as `from --event [guard]--> to`. An arrow that forbids what an outer state would do
 * leads to `(nothing)`; one that only acts leads to `(stays)`.
 */
export function arrowsOf({ root }: AnyStateMachine): readonly string[] {
  return statesIn(root)
    .flatMap((state) => [...state.transitions.values()].flat())
    .map((transition) => nameOf(transition))
}

/** The arrows that an event takes from a snapshot; none when it means nothing there. */
export function arrowsTaken(
  { machine }: Pick<Strategy, 'machine'>,
  snapshot: AnyMachineSnapshot,
  event: RolloutEvent,
): readonly string[] {
  if (snapshot.status !== 'active') return []
  return machine.getTransitionData(snapshot, event).map((transition) => nameOf(transition))
}

/** A rollout before its first event: a start is this, and `rollout.requested`. */
export function unborn({ machine }: Pick<Strategy, 'machine'>, input: unknown): AnyMachineSnapshot {
  return stepper<AnyMachineSnapshot, RolloutEvent, unknown>(machine).start(input).snapshot
}

/** The paths of all states that have no states inside: where a machine can be. */
export function restingPlaces({ root }: AnyStateMachine): readonly string[] {
  return statesIn(root)
    .filter((state) => state.type === 'atomic' || state.type === 'final')
    .map((state) => state.path.join('.'))
}

function statesIn(state: AnyStateNode): readonly AnyStateNode[] {
  return [state, ...Object.values(state.states).flatMap((inner) => statesIn(inner))]
}

function nameOf({ source, eventType, guard, target, actions }: AnyTransitionDefinition): string {
  const from = source.path.join('.') || '(any state)'
  const to =
    target?.map(({ path }) => path.join('.')).join('+') ?? (actions.length > 0 ? '(stays)' : '(nothing)')
  return `${from} --${eventType}${guardName(guard)}--> ${to}`
}

function guardName(guard: unknown): string {
  if (typeof guard === 'string') return ` [${guard}]`
  if (typeof guard !== 'object' || guard === null || !('type' in guard)) return ''
  return ` [${String(guard.type)}]`
}
