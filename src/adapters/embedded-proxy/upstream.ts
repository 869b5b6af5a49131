import { type Dispatcher, Pool } from 'undici'

/** How long the proxy waits for a version. All in milliseconds. */
export interface Patience {
  /** For a connection. */
  readonly connectMs: number
  /** From the request having been sent to the answer's head. */
  readonly responseMs: number
  /** Between two pieces of the answer's body; 0 for ever. */
  readonly idleMs: number
}

/** What a request needs to be forwarded; `once` when it must never be sent a second time. */
export interface Forward {
  readonly options: Dispatcher.DispatchOptions
  readonly handler: Dispatcher.DispatchHandler
  readonly connection: 'kept' | 'fresh'
}

/**
 * One instance of a version, with its kept connections. A kept connection may be closed by the other side in the very
 * moment a request is written to it; a request that must not be repeated therefore gets a kept connection only from an
 * instance that promises how long it keeps them (`Keep-Alive: timeout=…`, as Node does), and a fresh one otherwise.
 */
export class Upstream {
  readonly url: URL
  promisesKeepAlive = false
  readonly #kept: Pool
  readonly #fresh: Pool

  constructor(url: string, { connectMs, responseMs, idleMs }: Patience) {
    this.url = new URL(url)
    const options = {
      allowH2: false,
      connect: { timeout: connectMs, noDelay: true },
      headersTimeout: responseMs,
      bodyTimeout: idleMs,
    }
    this.#kept = new Pool(this.url.origin, options)
    this.#fresh = new Pool(this.url.origin, { ...options, pipelining: 0 })
  }

  forward({ options, handler, connection }: Forward): void {
    const pool = connection === 'kept' ? this.#kept : this.#fresh
    pool.dispatch(options, handler)
  }

  /** Lets what is open end, then closes. */
  async close(): Promise<void> {
    await Promise.all([this.#kept.close(), this.#fresh.close()])
  }

  /** Closes everything now. */
  async destroy(): Promise<void> {
    await Promise.all([this.#kept.destroy(), this.#fresh.destroy()])
  }
}
