// The reserved return: what is left to do when the store, or the machine itself, does not work any more.
import { compareGenerations } from '../events/generation.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import { allTo, type Split } from '../events/share.ts'
import type { ReservedReturn } from '../machines/index.ts'
import { isOvertaken, rescueSpec } from './children.ts'
import type { Plan } from './plan.ts'
import type { Route } from './ports.ts'
import type { RolloutRecord, ServiceRecord } from './record.ts'

/**
 * The return that the last commit reserved for a rollout; for a pipeline, that of the release it made. Null when it moved no
 * traffic, or the traffic is someone else's by now.
 */
export function wayBack(record: ServiceRecord, rollout: RolloutRecord): ReservedReturn | null {
  if (isOvertaken(record, rollout)) return null
  if (rollout.strategy !== 'pipeline') return rollout.reserved
  const children = record.rollouts.filter(({ parent }) => parent?.id === rollout.id)
  return children.toSorted((a, b) => b.claim - a.claim)[0]?.reserved ?? null
}

/** Whether a step, thought through for `asked`, takes traffic back `way`: the one kind that does not wait for the disk. */
export function leadsBack(
  { commands, event, rollout }: Plan,
  { way, asked }: { readonly way: ReservedReturn; readonly asked: RolloutEvent },
): boolean {
  // What broke the machine may be the very verdict of harm.
  if (event.type === 'rollout.parked') return rollout !== null && rescueSpec(rollout, asked) !== null
  if (event.type === 'rollout.requested') {
    return rollout?.spec.strategy === 'rollback' && isSame(allTo(rollout.spec.target), way.split)
  }
  return commands.some(
    (command) =>
      (command.type === 'startChild' && command.params.strategy === 'rollback') ||
      (command.type === 'shiftTraffic' &&
        command.params.generation.n === way.generation.n &&
        isSame(command.params.split, way.split)),
  )
}

/** What is made of a return that nobody has written down. */
export const RETURNED: RolloutEvent = {
  type: 'abort.requested',
  force: true,
  reason: 'traffic had been taken back while the store was silent',
}

/** Whether a router does what was reserved: then somebody has gone back, and nobody has written it down. */
export function isTaken({ generation, backends }: Route, way: ReservedReturn): boolean {
  const split = backends.map(({ version, weight }) => ({ version, weight }))
  return compareGenerations(generation, way.generation) === 0 && isSame(split, way.split)
}

function isSame(a: Split, b: Split): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
