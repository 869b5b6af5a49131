// The journal as a stream. It is read from the store, so that a reader can resume wherever it was, also after a restart; and
// it is read as fast as the reader takes it, so that nobody else has to wait.
import type { EngineView } from '../engine/view.ts'
import { toCloudEvent } from '../events/cloud-event.ts'
import type { Envelope } from '../events/envelope.ts'
import { type EventStream, frameOf } from './event-stream.ts'

/** What a reader wants of the journal. */
export interface JournalQuery {
  /** The cursor after which to start. */
  readonly since: number
  /** Only this rollout and its children. */
  readonly rollout: string | null
  /** Only this service. */
  readonly service: string | null
}

/** Sends the journal until the reader is gone; one that stays too far behind hears `lagged`, and has to come back. */
export async function streamJournal(
  engine: EngineView,
  stream: EventStream,
  query: JournalQuery,
): Promise<void> {
  const { since, rollout } = query
  const behind = new Behind(since)
  const lag = (): void =>
    stream.end(frameOf({ event: 'lagged', data: { type: 'lagged', since: behind.sent } }))
  const live = engine.events$.subscribe((envelope) => {
    if (!isWanted(envelope, query)) return
    behind.add(envelope)
    if (stream.isTooSlow(behind.bytes)) lag()
  })
  const filter = rollout === null ? {} : { rollout }
  try {
    for await (const said of engine.events({ ...filter, since, signal: stream.signal })) {
      if (!('event' in said)) return lag()
      if (!isWanted(said, query)) continue
      stream.write(behind.take(said))
      await stream.drained()
    }
  } finally {
    live.unsubscribe()
    stream.end()
  }
}

/** What has happened and was not yet read from the journal for this reader. */
class Behind {
  readonly #frames = new Map<number, string>()
  #sent: number
  #bytes = 0

  constructor(since: number) {
    this.#sent = since
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The newest cursor that was read. */
  get sent(): number {
    return this.#sent
  }

  add(envelope: Envelope): void {
    // The journal may be read before its news is told.
    if (envelope.cursor <= this.#sent) return
    const frame = eventFrame(envelope)
    this.#frames.set(envelope.cursor, frame)
    this.#bytes += frame.length
  }

  take(envelope: Envelope): string {
    this.#sent = envelope.cursor
    const known = this.#frames.get(envelope.cursor)
    if (known === undefined) return eventFrame(envelope)
    this.#frames.delete(envelope.cursor)
    this.#bytes -= known.length
    return known
  }
}

/** Written once for all readers of the same event. */
const frames = new WeakMap<Envelope, string>()

function eventFrame(envelope: Envelope): string {
  const known = frames.get(envelope)
  if (known !== undefined) return known
  const { cursor, event } = envelope
  const frame = frameOf({ id: String(cursor), event: event.type, data: toCloudEvent(envelope) })
  frames.set(envelope, frame)
  return frame
}

function isWanted({ rollout: id, service: name }: Envelope, { rollout, service }: JournalQuery): boolean {
  const isOfRollout = rollout === null || id === rollout || id.startsWith(`${rollout}/`)
  return isOfRollout && (service === null || name === service)
}
