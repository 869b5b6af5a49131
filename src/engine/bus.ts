// Tells everybody who listens, in three ways. Whoever throws, hangs or is slow harms nobody but themselves.
import { EventEmitter } from 'eventemitter3'
import { finalize, type Observable, Subject } from 'rxjs'

import type { Envelope } from '../events/envelope.ts'
import type { RolloutEvent, RolloutEventOf } from '../events/rollout-event.ts'
import { Fence } from './fence.ts'
import type { Logger } from './log.ts'
import type { Lagged, RolloutView } from './view.ts'

export interface BusOptions {
  readonly log: Logger
  /** How many events wait for a slow reader of {@link Bus.stream}. @defaultValue 1000 */
  readonly buffer?: number
}

/** An open {@link Bus.stream}. */
interface Reader {
  readonly waiting: (Envelope | Lagged)[]
  dropped: number
  wake: () => void
}

export class Bus {
  readonly #fence: Fence
  readonly #buffer: number
  readonly #emitter = new EventEmitter<Record<string, [Envelope]>>()
  readonly #events = new Subject<Envelope>()
  readonly #states = new Map<string, Subject<RolloutView>>()
  readonly #readers = new Set<Reader>()

  constructor({ log, buffer = 1_000 }: BusOptions) {
    this.#fence = new Fence(log)
    this.#buffer = buffer
  }

  /** Every event, in order, from now on. */
  get events$(): Observable<Envelope> {
    return this.#fence.around(this.#events)
  }

  /** How often a subscriber or a listener threw. */
  get caught(): number {
    return this.#fence.caught
  }

  /** Makes any observable safe for subscribers that throw. */
  fenced<T>(source: Observable<T>): Observable<T> {
    return this.#fence.around(source)
  }

  /** Calls something that watches, and must not be able to do harm. */
  guard(fn: () => void): void {
    this.#fence.run(fn)
  }

  on<T extends RolloutEvent['type']>(
    type: T,
    listener: (envelope: Envelope<RolloutEventOf<T>>) => void,
  ): () => void {
    // The emitter's name for an event is the event's own type, so that a listener only hears its own.
    const safe = (envelope: Envelope): void =>
      this.#fence.run(() => listener(envelope as Envelope<RolloutEventOf<T>>))
    this.#emitter.on(type, safe)
    return () => this.#emitter.off(type, safe)
  }

  /** What comes, one by one; a reader who is too slow is told how many are missing, and where. */
  async *stream({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<Envelope | Lagged> {
    const reader: Reader = { waiting: [], dropped: 0, wake: () => {} }
    const stop = (): void => reader.wake()
    this.#readers.add(reader)
    signal.addEventListener('abort', stop)
    try {
      while (!signal.aborted) {
        const said = reader.waiting.shift()
        if (said !== undefined) yield said
        else if (reader.dropped > 0) yield lagged(reader)
        else await new Promise<void>((resolve) => (reader.wake = resolve))
      }
    } finally {
      signal.removeEventListener('abort', stop)
      this.#readers.delete(reader)
    }
  }

  publish(envelope: Envelope): void {
    this.#emitter.emit(envelope.event.type, envelope)
    this.#events.next(envelope)
    for (const reader of this.#readers) this.#offer(reader, envelope)
  }

  /** What is said of a rollout from now on; completes with its end. */
  state$(rollout: string): Observable<RolloutView> {
    const views = this.#states.get(rollout) ?? new Subject<RolloutView>()
    this.#states.set(rollout, views)
    return views.pipe(
      finalize(() => {
        if (!views.observed && this.#states.get(rollout) === views) this.#states.delete(rollout)
      }),
    )
  }

  publishState(rollout: string, view: RolloutView): void {
    this.#states.get(rollout)?.next(view)
  }

  endState(rollout: string): void {
    const views = this.#states.get(rollout)
    this.#states.delete(rollout)
    views?.complete()
  }

  /** An event that does not fit is counted; so is what comes after it, until the reader has heard of the gap. */
  #offer(reader: Reader, envelope: Envelope): void {
    if (reader.dropped > 0 || reader.waiting.length >= this.#buffer) reader.dropped++
    else reader.waiting.push(envelope)
    reader.wake()
  }
}

function lagged(reader: Reader): Lagged {
  const { dropped } = reader
  reader.dropped = 0
  return { type: 'lagged', dropped }
}
