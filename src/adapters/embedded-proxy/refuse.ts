import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** Answers in the proxy's own name, or, when an answer has already begun, breaks it off so that nobody takes it for whole. */
export function refuse(res: ServerResponse, status: number, words: string): void {
  if (res.destroyed || res.writableEnded) return
  if (res.headersSent) {
    res.destroy()
    return
  }
  const body = `${words}\n`
  const retry = status === 503 ? ['Retry-After', '1'] : []
  const headers = [
    'Content-Type',
    'text/plain; charset=utf-8',
    'Content-Length',
    String(body.length),
    ...retry,
  ]
  res.writeHead(status, headers)
  res.end(body)
}

/** A response on a connection that wanted to be upgraded and isn't: its last one. */
export function lastResponse(req: IncomingMessage, socket: Duplex): ServerResponse {
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  // Node types it as net.Socket; an http.Server hands out nothing else.
  res.assignSocket(req.socket)
  res.on('finish', () => socket.end())
  return res
}
