import { Observable, share } from 'rxjs'

import { type Complaints, Fence } from '../engine/fence.ts'
import type { EngineView, EventsOptions, RollbackRequest, RolloutView, ServiceView } from '../engine/view.ts'
import type { CloudEvent } from '../events/cloud-event.ts'
import type { Envelope } from '../events/envelope.ts'
import type { OperatorEvent, RolloutEvent, RolloutEventOf } from '../events/rollout-event.ts'
import { follow, type Message } from './follow.ts'
import type { Http } from './http.ts'

export interface CallOptions {
  /** Ends the wait; what was asked for may happen all the same. */
  readonly signal?: AbortSignal
}

/**
 * An engine somewhere else, with what {@link EngineView} has in process. Calls reject with the same `UsageError`s and
 * `AdapterError`s, and with `UNREACHABLE` when nobody answers. Streams come back by themselves whenever the connection is
 * lost, without a gap and without repeating anything; they fail only where trying again would not help.
 */
export interface Remote extends Pick<EngineView, 'events$' | 'on' | 'state$'>, AsyncDisposable {
  /** The journal from a cursor on (from now on, without one), then what comes; whoever reads slowly misses nothing. */
  events(options?: EventsOptions): AsyncIterable<Envelope>
  services(options?: CallOptions): Promise<readonly ServiceView[]>
  /** @throws UsageError `ROLLOUT_UNKNOWN` for a service that never had a rollout */
  service(name: string, options?: CallOptions): Promise<ServiceView>
  /** @throws UsageError `ROLLOUT_UNKNOWN` */
  rollout(id: string, options?: CallOptions): Promise<RolloutView>
  /** As {@link EngineView.send}. Streams that were opened before it see what it leads to. */
  send(rollout: string, event: OperatorEvent, options?: CallOptions): Promise<RolloutView>
  /** As {@link EngineView.rollback}. */
  rollback(service: string, request?: RollbackRequest, options?: CallOptions): Promise<RolloutView>
  /** Ends every stream and every call; observables complete. */
  close(): void
}

export interface RemoteOptions {
  readonly http: Http
  readonly log: Complaints
  /** Closes it. */
  readonly signal: AbortSignal | undefined
}

/** Speaks to the server of an engine. */
export class HttpRemote implements Remote {
  readonly events$: Observable<Envelope>
  readonly #options: RemoteOptions
  readonly #fence: Fence
  readonly #closed = new AbortController()
  readonly #shared$: Observable<Envelope>
  /** Streams whose first attempt is not over. */
  readonly #opening = new Set<Promise<void>>()

  constructor(options: RemoteOptions) {
    const { log, signal } = options
    this.#options = options
    this.#fence = new Fence(log)
    this.events$ = this.#observed((stop) => this.events({ signal: stop }))
    this.#shared$ = this.events$.pipe(share())
    if (signal?.aborted === true) this.close()
    signal?.addEventListener('abort', () => this.close(), { signal: this.#closed.signal })
  }

  on<T extends RolloutEvent['type']>(
    type: T,
    listener: (envelope: Envelope<RolloutEventOf<T>>) => void,
  ): () => void {
    const subscription = this.#shared$.subscribe((envelope) => {
      // The type of the event is what was asked for.
      if (envelope.event.type === type) listener(envelope as Envelope<RolloutEventOf<T>>)
    })
    return () => subscription.unsubscribe()
  }

  async *events({ since, rollout, signal }: EventsOptions = {}): AsyncGenerator<Envelope> {
    const query = new URLSearchParams({
      ...(since === undefined ? {} : { since: String(since) }),
      ...(rollout === undefined ? {} : { rollout }),
    })
    let reached = since ?? 0
    for await (const { event, data } of this.#follow(`v1/events?${query.toString()}`, signal)) {
      if (event === 'lagged') continue
      const envelope = envelopeIn(data)
      if (envelope === null || envelope.cursor <= reached) continue
      reached = envelope.cursor
      yield envelope
    }
  }

  state$(rollout: string): Observable<RolloutView> {
    return this.#observed((stop) => this.#states(rollout, stop))
  }

  services({ signal }: CallOptions = {}): Promise<readonly ServiceView[]> {
    return this.#options.http.ask('v1/services', this.#init(signal))
  }

  service(name: string, { signal }: CallOptions = {}): Promise<ServiceView> {
    return this.#options.http.ask(`v1/services/${encodeURIComponent(name)}`, this.#init(signal))
  }

  rollout(id: string, { signal }: CallOptions = {}): Promise<RolloutView> {
    return this.#options.http.ask(`v1/rollouts/${encodeURIComponent(id)}`, this.#init(signal))
  }

  async send(rollout: string, event: OperatorEvent, { signal }: CallOptions = {}): Promise<RolloutView> {
    await this.#opened(signal)
    const path = `v1/rollouts/${encodeURIComponent(rollout)}/events`
    return this.#options.http.post(path, event, this.#init(signal))
  }

  async rollback(
    service: string,
    request: RollbackRequest = {},
    { signal }: CallOptions = {},
  ): Promise<RolloutView> {
    await this.#opened(signal)
    const path = `v1/services/${encodeURIComponent(service)}/rollback`
    return this.#options.http.post(path, request, this.#init(signal))
  }

  close(): void {
    this.#closed.abort(new Error('the connection was closed'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  async *#states(rollout: string, signal: AbortSignal): AsyncGenerator<RolloutView> {
    let newest = ''
    for await (const { event, data } of this.#follow(
      `v1/rollouts/${encodeURIComponent(rollout)}/state`,
      signal,
    )) {
      if (event !== 'state' || data === newest) continue
      newest = data
      const view: RolloutView = JSON.parse(data)
      yield view
      if (view.status === 'ended') return
    }
  }

  async *#follow(path: string, signal: AbortSignal | undefined): AsyncGenerator<Message> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const opened = (): void => {
      resolve()
      this.#opening.delete(promise)
    }
    this.#opening.add(promise)
    yield* follow(this.#options.http, path, { signal: this.#any(signal), opened })
  }

  #observed<T>(make: (stop: AbortSignal) => AsyncIterable<T>): Observable<T> {
    return this.#fence.around(
      new Observable<T>((subscriber) => {
        const stop = new AbortController()
        const pump = async (): Promise<void> => {
          try {
            for await (const value of make(stop.signal)) subscriber.next(value)
            subscriber.complete()
          } catch (error) {
            subscriber.error(error)
          }
        }
        void pump()
        return () => stop.abort()
      }),
    )
  }

  /** So that whoever subscribes first and asks then, sees what comes of it. */
  async #opened(signal: AbortSignal | undefined): Promise<void> {
    const ends = this.#any(signal)
    const given = new AbortController()
    const aborted = new Promise<void>((resolve) => {
      if (ends.aborted) return resolve()
      ends.addEventListener('abort', () => resolve(), { signal: given.signal })
    })
    await Promise.race([Promise.all(this.#opening), aborted])
    given.abort()
  }

  #init(signal: AbortSignal | undefined): RequestInit {
    return { signal: this.#any(signal) }
  }

  #any(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal])
  }
}

/** Null for what is no event of ours. */
function envelopeIn(data: string): Envelope | null {
  try {
    const { data: envelope }: Partial<CloudEvent> = JSON.parse(data)
    return typeof envelope?.cursor === 'number' ? envelope : null
  } catch {
    return null
  }
}
