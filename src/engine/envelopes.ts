import type { Envelope } from '../events/envelope.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import type { StoredEntry } from './ports.ts'
import { timeOf } from './views.ts'

/** A line of the journal as it is told to the outside. */
export function toEnvelope(stored: StoredEntry): Envelope {
  const { rollout, strategy, service, seq, cursor, state } = stored
  // What stands in the journal was a RolloutEvent when it was written; newer readers know older words.
  const event = stored.event as RolloutEvent
  const id = `${rollout === '' ? service : rollout}#${seq}`
  return { id, cursor, seq, time: timeOf(stored.time), service, rollout, strategy, state, event }
}
