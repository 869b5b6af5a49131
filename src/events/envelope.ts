import type { RolloutEvent } from './rollout-event.ts'

/** An event as it stands in the journal and in every stream: what happened, to whom, when, and what it led to. */
export interface Envelope<E extends RolloutEvent = RolloutEvent> {
  /** `<rollout>#<seq>`: the same at every delivery, also after a restart. */
  readonly id: string
  /** Its place in the whole store's order; what a reader resumes from. */
  readonly cursor: number
  /** Its place in the service's journal, counting from 1. */
  readonly seq: number
  /** RFC 3339, UTC. */
  readonly time: string
  readonly service: string
  readonly rollout: string
  readonly strategy: string
  /** The machine's state after the event, as a path: `rolling-back.returning`. */
  readonly state: string
  readonly event: E
}
