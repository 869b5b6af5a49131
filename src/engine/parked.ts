// A parked rollout: its machine broke, or a name in it is bound to nothing here. It stays where it is, loudly; its machine is
// not asked, so what becomes of it is decided here.
import type { Ending } from '../events/outcome.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import type { Command } from '../machines/index.ts'
import { begun, nextId } from './begin.ts'
import { isOvertaken, rescueSpec } from './children.ts'
import type { Plan } from './plan.ts'
import { noted, type RolloutRecord, type ServiceRecord, withRollout } from './record.ts'
import { settled } from './settle.ts'
import { stateOf } from './views.ts'

/** What happened, and when, in milliseconds since the epoch. */
interface Happened {
  readonly event: RolloutEvent
  readonly now: number
}

/** Parks a rollout where it is; its return stays reserved, its commands stay to be answered. */
export function parking(
  record: ServiceRecord,
  rollout: RolloutRecord,
  { now, reason }: { readonly now: number; readonly reason: string },
): Plan {
  return byHand(record, { ...rollout, parked: reason }, { event: { type: 'rollout.parked', reason }, now })
}

/** What an event makes of a parked rollout; null when it changes nothing. */
export function whileParked(record: ServiceRecord, rollout: RolloutRecord, happened: Happened): Plan | null {
  const { event, now } = happened
  if (event.type === 'claim.lost') return ended(record, rollout, { ...happened, status: 'superseded' })
  if (event.type === 'rollout.unparked' || event.type === 'resume.requested') {
    return byHand(record, { ...rollout, parked: null }, { ...happened, commands: rollout.outbox })
  }
  if (event.type === 'abort.requested' && rollout.strategy === 'smoke') {
    return ended(record, rollout, { ...happened, status: 'aborted' })
  }
  const rescue = isOvertaken(record, rollout) ? null : rescueSpec(rollout, event)
  if (rescue !== null) return begun(record, rescue, { id: nextId(record), parent: null, now }).plan
  const known = noted(record, event)
  return known === record ? null : byHand(known, rollout, happened)
}

function ended(
  record: ServiceRecord,
  rollout: RolloutRecord,
  { status, ...happened }: Happened & { readonly status: Ending },
): Plan {
  const { event, now } = happened
  const isLost = event.type === 'claim.lost'
  const outcome = {
    status,
    cause: isLost ? 'claim-lost' : 'abort',
    reason: isLost ? `${event.by} took the service` : (rollout.parked ?? null),
  } as const
  const over: RolloutRecord = { ...rollout, outcome, endedAt: now, timers: [], outbox: [], reserved: null }
  const plan = byHand(record, over, happened)
  return { ...plan, record: settled(plan.record, over) }
}

/** A step that no machine took. */
function byHand(
  record: ServiceRecord,
  rollout: RolloutRecord,
  { event, now, commands = [] }: Happened & { readonly commands?: readonly Command[] },
): Plan {
  const { id, strategy, snapshot } = rollout
  return {
    rollout,
    record: { ...withRollout(record, rollout), updatedAt: now },
    event,
    snapshot: null,
    commands,
    entry: { rollout: id, strategy, time: now, event, state: stateOf(snapshot), commands },
  }
}

/** What happened to the service itself; null when it changes nothing. */
export function noting(record: ServiceRecord, { event, now }: Happened): Plan | null {
  const known = noted(record, event)
  if (known === record) return null
  const entry = { rollout: '', strategy: 'service', time: now, event, state: '', commands: [] }
  return { rollout: null, record: { ...known, updatedAt: now }, event, snapshot: null, commands: [], entry }
}
