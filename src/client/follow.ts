// An event stream through as many connections as it takes.
import { createParser } from 'eventsource-parser'

import { UsageError } from '../errors.ts'
import type { Http } from './http.ts'

/** One message of a stream. */
export interface Message {
  readonly event: string
  readonly data: string
}

export interface FollowOptions {
  readonly signal: AbortSignal
  /** Called once: the stream is open, or its first attempt has failed. */
  readonly opened: () => void
  readonly patience?: Patience
}

/** How long things are waited for, in milliseconds. */
export interface Patience {
  /** Without any word of the server; it says something every 15 s. */
  readonly silenceMs: number
  /** Before the second attempt; doubled for each further one. */
  readonly firstMs: number
  readonly longestMs: number
}

const PATIENCE: Patience = { silenceMs: 45_000, firstMs: 250, longestMs: 10_000 }

/**
 * Yields the messages of the stream at `path`, and goes on where it was after every loss of the connection. Ends when it is
 * aborted; throws only what trying again would not help against.
 */
export async function* follow(
  http: Http,
  path: string,
  { signal, opened, patience = PATIENCE }: FollowOptions,
): AsyncGenerator<Message> {
  const place = new Place(patience)
  try {
    while (!signal.aborted) {
      yield* connection(http, path, { place, signal, opened, silenceMs: patience.silenceMs })
      opened()
      await pause(place.backOffMs(), signal)
    }
  } finally {
    opened()
  }
}

interface Connecting extends Pick<FollowOptions, 'signal' | 'opened'> {
  readonly place: Place
  readonly silenceMs: number
}

/** What comes over one connection. That it is lost, or can't be made, is no error: the next one may be. */
async function* connection(
  http: Http,
  path: string,
  { place, signal, opened, silenceMs }: Connecting,
): AsyncGenerator<Message> {
  try {
    const body = await http.open(path, { headers: place.headers, signal })
    opened()
    yield* messagesIn(body, place, silenceMs)
  } catch (error) {
    if (error instanceof UsageError && !signal.aborted) throw error
  }
}

/** Where a reader is, as the server says it: it comes back with that. */
class Place {
  readonly #longestMs: number
  #firstMs: number
  #id: string | undefined
  /** Since anything was heard. */
  #attempts = 0

  constructor({ firstMs, longestMs }: Patience) {
    this.#firstMs = firstMs
    this.#longestMs = longestMs
  }

  get headers(): Readonly<Record<string, string>> {
    const accept = 'text/event-stream'
    return this.#id === undefined ? { accept } : { accept, 'last-event-id': this.#id }
  }

  reach(id: string): void {
    this.#id = id
  }

  hear(): void {
    this.#attempts = 0
  }

  /** What the server asks for. */
  retryAfter(ms: number): void {
    this.#firstMs = ms
  }

  /** Capped, and never the same for two clients: they all lost their connection at the same moment. */
  backOffMs(): number {
    const doubled = Math.max(10, this.#firstMs) * 2 ** Math.min(this.#attempts++, 20)
    return Math.min(this.#longestMs, doubled) * (0.5 + Math.random() / 2)
  }
}

async function* messagesIn(
  body: ReadableStream<Uint8Array>,
  place: Place,
  silenceMs: number,
): AsyncGenerator<Message> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let messages: Message[] = []
  const parser = createParser({
    // What was parsed is yielded before anything is asked for again.
    onId: (id) => place.reach(id),
    onRetry: (ms) => place.retryAfter(ms),
    onComment: () => place.hear(),
    onEvent: ({ event = 'message', data }) => {
      place.hear()
      messages.push({ event, data })
    },
  })
  try {
    for (;;) {
      const watchdog = setTimeout(() => void reader.cancel().catch(() => {}), silenceMs)
      const { done, value } = await reader.read().finally(() => clearTimeout(watchdog))
      if (done) return
      parser.feed(decoder.decode(value, { stream: true }))
      const said = messages
      messages = []
      yield* said
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** Resolves after `ms`, or at once when aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const finish = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    signal.addEventListener('abort', finish)
  })
}
