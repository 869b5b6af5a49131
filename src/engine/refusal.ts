import { UsageError } from '../errors.ts'
import type { OperatorEvent } from '../events/rollout-event.ts'
import { pathOf } from '../machines/index.ts'
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
  if (live === undefined || !live.snapshot.can(event)) {
    throw refused(id, event, live === undefined ? 'broken' : pathOf(live.snapshot.value))
  }
  for (const { type, params } of live.strategy.step(live.snapshot, event).commands) {
    if (type === 'tellChild') refuse(find, `${id}/${params.slot}/${params.run}`, params.event)
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
