// The engine over HTTP: what can be seen of it, what people ask of it, and its journal as a stream.
import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'

import { getRequestListener } from '@hono/node-server'

import type { EngineView } from '../engine/view.ts'
import { UsageError } from '../errors.ts'
import { createApp } from './app.ts'
import { Connections } from './connections.ts'
import { EventStreams, STREAM_LIMITS } from './event-stream.ts'
import { type Hosts, isLoopback } from './guard.ts'
import type { StatelyInspector } from './inspector.ts'
import { listen, type ListenAt } from './listen.ts'
import { answerTo, HttpRefusal } from './refusal.ts'

export interface ServeOptions {
  /** A host with a port (0 for a free one), or the path of a unix socket that only its owner can use. */
  readonly listen: ListenAt
  /** What callers have to show as a bearer token, 16 characters at least; necessary beyond loopback. */
  readonly token?: string
  /** More names under which the server may be asked for, when it listens beyond loopback: `['sluice.internal']`. */
  readonly hosts?: readonly string[]
  /** Serves what it sees at `/inspect`. */
  readonly inspector?: StatelyInspector
}

/** An engine that is being served. */
export interface Served {
  /** Where it is reached; `http://localhost`, through the socket, for a unix socket. */
  readonly url: string
  /** Ends all streams, waits a moment for the requests that are being answered, and stops listening. Safe to call twice. */
  close(): Promise<void>
}

const LONGEST_HEAD = 16 * 1024
/** Times in milliseconds: for the head of a request, for all of it, and between two on one connection. */
const LIMITS = {
  maxHeaderSize: LONGEST_HEAD,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
}
const CLOSE_GRACE_MS = 2_000

/**
 * Serves an engine over HTTP.
 * @throws UsageError `ARGUMENT_INVALID` for an address beyond loopback without a token, or one that is in use
 */
export async function serve(engine: EngineView, options: ServeOptions): Promise<Served> {
  const { listen: at, inspector = null } = options
  const token = tokenOf(options)
  const guard = { token, hosts: hostsOf(options) }
  const streams = new EventStreams(STREAM_LIMITS)
  const app = createApp(engine, { guard, streams, inspector })
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false, errorHandler: malformed })
  const server = createServer(LIMITS, (incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.destroy())
  })
  const connections = new Connections(server)
  server.maxHeadersCount = 100
  server.maxConnections = 1_000
  server.on('clientError', (error, socket) => refuse(error, socket))
  const url = await listen(server, at)
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    streams.end()
    await connections.close(CLOSE_GRACE_MS)
  }
  return { url, close: async () => (closing ??= close()) }
}

function tokenOf({ listen: at, token }: ServeOptions): string | null {
  if (token === undefined) {
    if ('socket' in at || isLoopback(at.host)) return null
    throw new UsageError(
      'ARGUMENT_INVALID',
      `listen: ${at.host} can be reached by others, so it needs a token`,
      {
        hint: 'Set token (32 random characters, say), or listen on 127.0.0.1',
      },
    )
  }
  if (/^[\w.~+/=-]{16,1024}$/.test(token)) return token
  throw new UsageError('ARGUMENT_INVALID', 'token: expected 16 to 1024 letters, digits and . _ ~ + / = -', {
    hint: 'For example the output of: openssl rand -hex 32',
  })
}

function hostsOf({ listen: at, hosts = [] }: ServeOptions): Hosts {
  const isLocal = 'socket' in at || isLoopback(at.host)
  const own = 'socket' in at ? [] : [at.host]
  const names = [...own, ...hosts].map((name) => name.toLowerCase())
  return { reach: isLocal ? 'loopback' : 'anywhere', names }
}

/** What could not even be made a request of. */
function malformed(): Response {
  const { status, body } = answerTo(new HttpRefusal(400, 'the request can not be understood'))
  return Response.json(body, { status })
}

const TOO_LARGE = 'HPE_HEADER_OVERFLOW'

/** What Node's parser refuses, in the same words as everything else. */
function refuse(error: Error, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy()
  const isTooLarge = 'code' in error && error.code === TOO_LARGE
  const [status, words] = isTooLarge
    ? ['431 Request Header Fields Too Large', `the headers are longer than ${LONGEST_HEAD} bytes`]
    : ['400 Bad Request', 'the request can not be understood']
  const body = JSON.stringify(answerTo(new HttpRefusal(400, words)).body)
  const head = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${body}`)
}
