import { request, type IncomingMessage, type RequestOptions } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

import { DataPlane } from '../../../src/adapters/embedded-proxy/data-plane.ts'
import type { Patience } from '../../../src/adapters/embedded-proxy/upstream.ts'
import { type Counts, add, NO_COUNTS } from '../../../src/analysis/sample.ts'
import type { Route } from '../../../src/engine/ports.ts'
import { weight } from '../../../src/units.ts'

export interface OpenPlane extends AsyncDisposable {
  readonly plane: DataPlane
  readonly port: number
  readonly url: string
  /** All that was counted of version v1, or of none (''). */
  counts(version?: string): Counts
}

export function routeTo(urls: readonly string[]): Route {
  return {
    service: 'shop',
    listen: { host: '127.0.0.1', port: 0 },
    generation: { claim: 1, n: 1 },
    backends: [
      { version: 'v1', weight: weight(100), endpoints: urls.map((url, i) => ({ instance: `v1-${i}`, url })) },
    ],
  }
}

/** The data plane in this process, all of it on one version with these instances. */
export async function planeTo(urls: readonly string[], patience: Partial<Patience> = {}): Promise<OpenPlane> {
  const plane = new DataPlane({
    patience: { connectMs: 5_000, responseMs: 30_000, idleMs: 30_000, ...patience },
    log: () => {},
    save: async () => {},
  })
  const { listen } = await plane.apply(routeTo(urls))
  return {
    plane,
    port: listen.port,
    url: `http://127.0.0.1:${listen.port}`,
    counts: (version = 'v1') =>
      plane
        .counts('shop', 0)
        .filter((each) => each.version === version)
        .reduce((sum, { counts }) => add(sum, counts), NO_COUNTS),
    [Symbol.asyncDispose]: async () => plane.close(0),
  }
}

export interface Answer {
  readonly res: IncomingMessage
  readonly body: string
  /** The client's port: the same for two requests on one connection. */
  readonly from: number | undefined
}

/** Asks with node:http, which leaves headers, methods and trailers as they are. */
export async function ask(port: number, options: RequestOptions, body?: string): Promise<Answer> {
  const res = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', port, agent: false, ...options }, resolve)
      .on('error', reject)
      .end(body)
  })
  const from = res.socket.localPort
  return { res, from, body: await text(res) }
}

/** Sends these bytes and resolves with all that came back until the other side closed. */
export async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.write(bytes)
  return text(socket)
}
