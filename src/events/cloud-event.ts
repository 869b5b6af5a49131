import type { Envelope } from './envelope.ts'

/** An event as CloudEvents 1.0 in structured JSON, the way other services receive it. */
export interface CloudEvent {
  readonly specversion: '1.0'
  /** `<rollout>#<seq>`; with `source` unique, and the same at every delivery. */
  readonly id: string
  readonly source: `/services/${string}`
  readonly type: `dev.sluice.${string}`
  /** The rollout; missing for what happened to the service itself. */
  readonly subject?: string
  /** RFC 3339, UTC. */
  readonly time: string
  readonly datacontenttype: 'application/json'
  /** The cursor in 16 digits: the sequence extension asks for text that sorts as the events do. */
  readonly sequence: string
  readonly data: Envelope
}

/**
 * Puts an event into the envelope of CloudEvents 1.0, with its sequence extension
 * (https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/sequence.md).
 */
export function toCloudEvent(envelope: Envelope): CloudEvent {
  const { id, service, rollout, event, time, cursor } = envelope
  return {
    specversion: '1.0',
    id,
    source: `/services/${encodeURIComponent(service)}`,
    type: `dev.sluice.${event.type}`,
    ...(rollout === '' ? {} : { subject: rollout }),
    time,
    datacontenttype: 'application/json',
    sequence: String(cursor).padStart(16, '0'),
    data: envelope,
  }
}
