// Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html): one open answer, and all of them.
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

/** One message; `data` becomes a line of JSON. Without `data` it only moves the place that a reader resumes from. */
export interface Message {
  readonly id?: string
  readonly event?: string
  readonly data?: unknown
}

export interface StreamLimits {
  /** How often something is said, so that both ends notice when the other is gone. */
  readonly heartbeatMs: number
  /** How much may wait for a reader. */
  readonly unsentBytes: number
  /** How long a reader that is dropped may still fetch what waits for it. */
  readonly graceMs: number
}

export const STREAM_LIMITS: StreamLimits = { heartbeatMs: 15_000, unsentBytes: 1024 * 1024, graceMs: 5_000 }

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
}

/** How long browsers wait before they come back. */
const RETRY_MS = 500

/** The text of a message, as it goes over the wire. */
export function frameOf({ id, event, data }: Message): string {
  const lines = [
    ...(id === undefined ? [] : [`id: ${id}\n`]),
    ...(event === undefined ? [] : [`event: ${event}\n`]),
    // JSON holds no line break, so one line is enough.
    ...(data === undefined ? [] : [`data: ${JSON.stringify(data)}\n`]),
  ]
  return `${lines.join('')}\n`
}

/** An answer that goes on. Whoever reads it slowly is told so and dropped, before the memory is full of what they don't read. */
export class EventStream {
  readonly #response: ServerResponse
  readonly #limits: StreamLimits
  readonly #over = new AbortController()
  readonly #heartbeat: NodeJS.Timeout

  constructor(response: ServerResponse, limits: StreamLimits) {
    this.#response = response
    this.#limits = limits
    this.#heartbeat = setInterval(() => this.#beat(), limits.heartbeatMs).unref()
    response.on('close', () => this.#stop())
    response.on('error', () => response.destroy())
    response.writeHead(200, HEADERS)
    response.write(`retry: ${RETRY_MS}\n\n`)
    if (response.destroyed) this.#stop()
  }

  /** Aborted when nothing more can be said: the reader is gone, was dropped, or has heard the end. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** What waits for the reader, in bytes. */
  get unsent(): number {
    return this.#response.writableLength
  }

  write(frame: string): void {
    if (!this.signal.aborted) this.#response.write(frame)
  }

  /** Resolves when there is room for more, or nothing more can be said. */
  async drained(): Promise<void> {
    if (!this.#response.writableNeedDrain) return
    // Rejects when aborted, and only then.
    await once(this.#response, 'drain', { signal: this.signal }).catch(() => {})
  }

  /** Whether so much waits (with `more`, which waits elsewhere) that the reader has to be dropped. */
  isTooSlow(more: number): boolean {
    return this.unsent + more > this.#limits.unsentBytes
  }

  /** Says a last thing; a reader that does not even fetch that is cut off. */
  end(last = ''): void {
    if (this.signal.aborted) return
    this.#stop()
    this.#response.end(last)
    const cut = setTimeout(() => this.#response.destroy(), this.#limits.graceMs).unref()
    this.#response.on('close', () => clearTimeout(cut))
  }

  #beat(): void {
    if (!this.#response.writableNeedDrain) this.write(':\n\n')
  }

  #stop(): void {
    clearInterval(this.#heartbeat)
    this.#over.abort(new Error('the stream is over'))
  }
}

/** All streams of one server, so that they can be ended together. */
export class EventStreams {
  readonly #limits: StreamLimits
  readonly #open = new Set<EventStream>()

  constructor(limits: StreamLimits) {
    this.#limits = limits
  }

  open(response: ServerResponse): EventStream {
    const stream = new EventStream(response, this.#limits)
    this.#open.add(stream)
    stream.signal.addEventListener('abort', () => this.#open.delete(stream))
    if (stream.signal.aborted) this.#open.delete(stream)
    return stream
  }

  end(): void {
    for (const stream of this.#open) stream.end()
  }
}
