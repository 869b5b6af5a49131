import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

import type { Listen } from '../../engine/ports.ts'
import { AdapterError, messageOf } from '../../errors.ts'

/** What a listener hands its clients to. */
export interface Handlers {
  request(req: IncomingMessage, res: ServerResponse): void
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void
}

const BACKLOG = 1_024
const KEEP_ALIVE_MS = 60_000
const SWEEP_MS = 25

/** One address where clients are served, HTTP/1.1, read by Node's strict parser. */
export class Listener {
  readonly #server: Server
  readonly #asked: Listen
  #closing = false

  private constructor(server: Server, asked: Listen) {
    this.#server = server
    this.#asked = asked
  }

  /** @throws AdapterError `ROUTER_FAILED` when the address can't be had */
  static async open(listen: Listen, handlers: Handlers): Promise<Listener> {
    const server = createServer({
      insecureHTTPParser: false,
      // A long upload is not an attack; headers still have their minute.
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
      shouldUpgradeCallback: wantsTunnel,
    })
    const listener = new Listener(server, listen)
    server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      if (listener.#closing) res.shouldKeepAlive = false
      handlers.request(req, res)
    })
    server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      handlers.upgrade(req, socket, head)
    })
    await bind(server, listen)
    return listener
  }

  /** The address with its real port. */
  get address(): Listen {
    const address = this.#server.address()
    const port = typeof address === 'object' && address !== null ? address.port : this.#asked.port
    return { host: this.#asked.host, port }
  }

  /** Whether this is what `listen` asks for; port 0 asks for any port, so for this one. */
  fits({ host, port }: Listen): boolean {
    return host === this.#asked.host && (port === 0 || port === this.address.port)
  }

  /** Accepts nobody any more; resolves when the last connection is closed, each after its last answer. */
  async close(): Promise<void> {
    this.#closing = true
    const sweep = setInterval(() => this.#server.closeIdleConnections(), SWEEP_MS)
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
    clearInterval(sweep)
  }

  /** Breaks every connection. */
  destroy(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

/** HTTP/2 by upgrade (`h2c`) is an offer that may be ignored; an upgrade with a body can't be told from smuggling. */
function wantsTunnel({ headers }: IncomingMessage): boolean {
  const bodiless = headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0
  return bodiless && headers.upgrade?.toLowerCase() !== 'h2c'
}

async function bind(server: Server, { host, port }: Listen): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new AdapterError('ROUTER_FAILED', `the proxy can't listen on ${host}:${port}: ${messageOf(cause)}`, {
          cause,
          hint: 'Choose another address, or port 0 for any free port',
        }),
      )
    })
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.removeAllListeners('error')
      server.on('error', () => {})
      resolve()
    })
  })
}
