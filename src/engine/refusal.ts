import { UsageError } from '../errors.ts'
import type { OperatorEvent } from '../events/rollout-event.ts'
import { type Command, pathOf } from '../machines/index.ts'
import { rescueSpec } from './children.ts'
import type { Live } from './plan.ts'
import type { RolloutRecord } from './record.ts'

/** A rollout as it is known, and alive. */
export interface Going {
  readonly rollout: RolloutRecord | undefined
  readonly live: Live | undefined
}

/**
 * Says no to what a person asks when the state of the rollout, or of the child it would be passed down to, can't take it.
 * @throws UsageError `ROLLOUT_UNKNOWN` or `EVENT_REFUSED`
 */
export function refuse(find: (id: string) => Going, id: string, event: OperatorEvent): void {
  const { rollout, live } = find(id)
  if (rollout === undefined || rollout.endedAt !== null) {
    throw new UsageError('ROLLOUT_UNKNOWN', `no rollout ${id} is going on`, {
      hint: '`sluice list` shows which are',
    })
  }
  if (rollout.parked !== null) return refuseParked({ ...rollout, parked: rollout.parked }, event)
  if (live === undefined) throw refused(id, event, 'broken')
  const commands = commandsFor(live, event)
  if (commands === null) throw refused(id, event, pathOf(live.snapshot.value))
  for (const { type, params } of commands) {
    if (type === 'tellChild') refuse(find, `${id}/${params.slot}/${params.run}`, params.event)
  }
}

/** What the event would ask for; null when the state can't take it. A machine that throws is not for a refusal to judge. */
function commandsFor({ strategy, snapshot }: Live, event: OperatorEvent): readonly Command[] | null {
  try {
    return snapshot.can(event) ? strategy.step(snapshot, event).commands : null
  } catch {
    return []
  }
}

/** A parked rollout can be tried again, and taken back. */
function refuseParked(rollout: RolloutRecord & { readonly parked: string }, event: OperatorEvent): void {
  const isTaken =
    event.type === 'resume.requested' ||
    (event.type === 'abort.requested' &&
      (rollout.strategy === 'smoke' || rescueSpec(rollout, event) !== null))
  if (!isTaken) throw refused(rollout.id, event, `parked (${rollout.parked})`)
}

function refused(id: string, event: OperatorEvent, state: string): UsageError {
  const [asked = ''] = event.type.split('.')
  return new UsageError('EVENT_REFUSED', `${id} can't take '${asked}' now: it is ${state}`)
}
