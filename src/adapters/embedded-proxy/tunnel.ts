import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { Duplex } from 'node:stream'

import { endToEndHeaders, forwardedHeaders } from './headers.ts'
import { lastResponse, refuse } from './refuse.ts'
import type { Ticket } from './tickets.ts'
import type { Patience, Upstream } from './upstream.ts'

/** A request to leave HTTP on this connection (WebSocket, say), with everything that was decided about it. */
export interface UpgradeJob {
  readonly req: IncomingMessage
  readonly socket: Duplex
  /** What the client sent already beyond its request. */
  readonly head: Buffer
  readonly path: string
  readonly ticket: Ticket
  readonly upstream: Upstream
  readonly patience: Patience
}

const KEEP_ALIVE_MS = 30_000
const MOST_EARLY_BYTES = 65_536

/**
 * Forwards an upgrade. Agreed to, it is a tunnel that is open until both sides closed it, and then counted as served
 * with 101, without a latency; if the version answers with anything else, that is passed on like any answer.
 */
export function openTunnel(job: UpgradeJob): void {
  const { req, socket, ticket, patience } = job
  const out = offer(job)
  const timer = setTimeout(
    () => out.destroy(new Error('no answer in time')),
    patience.connectMs + patience.responseMs,
  )
  const over = (): void => {
    clearTimeout(timer)
    out.destroy()
  }
  ticket.onCut = () => {
    over()
    socket.destroy()
  }
  const early = watch(socket, () => {
    ticket.settle({ kind: 'client-abort' })
    over()
  })
  out.on('error', () => {
    clearTimeout(timer)
    if (!ticket.open) return
    ticket.settle({ kind: 'failed' })
    refuse(lastResponse(req, socket), 502, 'the service could not be reached')
  })
  out.on('response', (answer) => {
    clearTimeout(timer)
    decline(job, answer)
  })
  out.on('upgrade', (answer, peer, rest) => {
    clearTimeout(timer)
    join({ ...job, head: Buffer.concat([job.head, ...early.stop()]) }, { answer, peer, rest })
  })
  out.end()
}

function offer({ req, path, upstream }: UpgradeJob): ClientRequest {
  const { hostname, port } = upstream.url
  return request({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port === '' ? 80 : port),
    method: req.method ?? 'GET',
    path,
    headers: [...forwardedHeaders(req), 'Connection', 'Upgrade', 'Upgrade', req.headers.upgrade ?? ''],
    agent: false,
  })
}

interface Watch {
  /** Ends the watch; gives what the client said meanwhile. */
  stop(): readonly Buffer[]
}

/** A connection that nobody reads does not tell that its client is gone: so it is read, and kept for later. */
function watch(socket: Duplex, gone: () => void): Watch {
  const said: Buffer[] = []
  const hear = (chunk: Buffer): void => {
    said.push(chunk)
    if (said.reduce((sum, { length }) => sum + length, 0) > MOST_EARLY_BYTES) socket.pause()
  }
  const end = (): unknown => socket.destroy()
  socket.on('error', end)
  socket.on('data', hear).on('end', end).on('close', gone)
  return {
    stop: () => {
      socket.off('data', hear).off('end', end).off('close', gone)
      return said
    },
  }
}

/** The version doesn't want to upgrade: its answer is the answer. */
function decline({ req, socket, ticket }: UpgradeJob, answer: IncomingMessage): void {
  const res = lastResponse(req, socket)
  const status = answer.statusCode ?? 502
  res.writeHead(status, answer.statusMessage ?? '', endToEndHeaders(answer))
  answer.on('error', () => {
    ticket.settle({ kind: 'failed' })
    res.destroy()
    socket.destroy()
  })
  res.on('finish', () => ticket.served(status))
  answer.pipe(res)
}

interface Agreed {
  readonly answer: IncomingMessage
  readonly peer: Duplex
  /** What the version sent already beyond its answer. */
  readonly rest: Buffer
}

function join({ req, socket, head, ticket }: UpgradeJob, { answer, peer, rest }: Agreed): void {
  let broken = false
  ticket.onCut = () => {
    socket.destroy()
    peer.destroy()
  }
  for (const each of [req.socket, answer.socket]) each.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS)
  socket.write(switchingProtocols(answer))
  if (rest.length > 0) socket.write(rest)
  if (head.length > 0) peer.write(head)
  const closed = (): void => {
    if (socket.destroyed && peer.destroyed) {
      ticket.settle(broken ? { kind: 'failed' } : { kind: 'served', status: 101, ms: null })
    }
  }
  peer.on('error', () => {
    broken = !socket.destroyed
    socket.destroy()
  })
  socket.on('error', () => peer.destroy())
  socket.on('close', () => {
    peer.destroy()
    closed()
  })
  peer.on('close', () => {
    socket.end()
    closed()
  })
  socket.pipe(peer)
  peer.pipe(socket)
}

function switchingProtocols({ statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 101 ${statusMessage ?? ''}`]
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}
