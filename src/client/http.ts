import { AdapterError, UsageError } from '../errors.ts'
import { failureOf, stranger, unreachable } from './failure.ts'

export type Fetch = (url: URL, init: RequestInit) => Promise<Response>

export interface HttpOptions {
  readonly token: string | null
  readonly fetch: Fetch
}

/** Asks one server. */
export class Http {
  readonly #base: URL
  readonly #options: HttpOptions

  /** @throws UsageError `ARGUMENT_INVALID` for no URL of HTTP, for one with a password in it, and for a token no header can hold */
  constructor(url: string | URL, options: HttpOptions) {
    this.#base = baseOf(url)
    this.#options = options
    if (options.token !== null && !/^[\x21-\x7e]+$/.test(options.token)) {
      throw new UsageError('ARGUMENT_INVALID', 'token: expected printable characters without spaces')
    }
  }

  /** Asks for JSON. */
  async ask<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.#fetch(path, init)
    if (!isOfType(response, 'application/json')) throw stranger(response)
    try {
      return (await response.json()) as T
    } catch (cause) {
      init.signal?.throwIfAborted()
      throw unreachable(this.#base, cause)
    }
  }

  post<T>(path: string, body: unknown, init: RequestInit): Promise<T> {
    const headers = { 'content-type': 'application/json' }
    return this.ask<T>(path, { ...init, method: 'POST', headers, body: JSON.stringify(body) })
  }

  /** Asks for an event stream. */
  async open(path: string, init: RequestInit): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#fetch(path, init)
    if (isOfType(response, 'text/event-stream') && response.body !== null) return response.body
    await response.body?.cancel()
    throw stranger(response)
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const { token, fetch } = this.#options
    const headers = new Headers(init.headers)
    if (token !== null) headers.set('authorization', `Bearer ${token}`)
    let response
    try {
      // A redirect could take the token elsewhere.
      response = await fetch(new URL(path, this.#base), {
        ...init,
        headers,
        redirect: 'manual',
        cache: 'no-store',
      })
    } catch (cause) {
      init.signal?.throwIfAborted()
      throw cause instanceof AdapterError ? cause : unreachable(this.#base, cause)
    }
    if (!response.ok) throw await failureOf(response)
    return response
  }
}

function isOfType({ headers }: Response, type: string): boolean {
  return headers.get('content-type')?.startsWith(type) ?? false
}

function baseOf(url: string | URL): URL {
  const base = URL.parse(String(url))
  if (base === null || !/^https?:$/.test(base.protocol)) {
    throw new UsageError('ARGUMENT_INVALID', 'url: expected the address of an engine', {
      hint: "For example 'http://127.0.0.1:7070'",
    })
  }
  if (base.username !== '' || base.password !== '') {
    throw new UsageError('ARGUMENT_INVALID', 'url: it holds a user or a password', {
      hint: 'Leave it out, and give the token as { token }',
    })
  }
  base.search = ''
  base.hash = ''
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return base
}
