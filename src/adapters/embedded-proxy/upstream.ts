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

/** A kept connection that is younger than this counts as fresh. */
const FRESH_MS = 1

/**
 * One instance of a version, with its kept connections. A kept connection may be closed by the other side in the very
 * moment a request is written to it; a request that must not be repeated therefore gets a kept connection only from an
 * instance that promises how long it keeps them (`Keep-Alive: timeout=…`, as Node does), and a fresh one otherwise.
 */
export class Upstream {
  readonly url: URL
  promisesKeepAlive = false
  readonly #pools: Readonly<Record<Forward['connection'], Pool>>

  constructor(url: string, { connectMs, responseMs, idleMs }: Patience) {
    this.url = new URL(url)
    const options = {
      allowH2: false,
      connect: { timeout: connectMs, noDelay: true },
      headersTimeout: responseMs,
      bodyTimeout: idleMs,
    }
    // Not `connection: close`: an instance that answers before it read the whole upload would reset the connection.
    const brief = { ...options, keepAliveTimeout: FRESH_MS, keepAliveMaxTimeout: FRESH_MS }
    this.#pools = { kept: new Pool(this.url.origin, options), fresh: new Pool(this.url.origin, brief) }
  }

  forward({ options, handler, connection }: Forward): void {
    this.#pools[connection].dispatch(options, handler)
  }

  /** Lets what is open end, then closes. */
  async close(): Promise<void> {
    await Promise.all([this.#pools.kept.close(), this.#pools.fresh.close()])
  }

  /** Closes everything now. */
  async destroy(): Promise<void> {
    await Promise.all([this.#pools.kept.destroy(), this.#pools.fresh.destroy()])
  }
}
