// Requests as nobody's library would send them.
import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

import { onTestFinished } from 'vitest'

export interface Asked {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** A list is sent in chunks, without a length. */
  readonly body?: string | Uint8Array | readonly string[]
}

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export async function ask(
  url: string,
  { method = 'GET', path = '/v1/health', headers, body }: Asked,
): Promise<Answered> {
  const asking = request(url, { method, path, agent: false, ...(headers === undefined ? {} : { headers }) })
  const answering = once(asking, 'response')
  // A server may answer and close before it was sent everything.
  asking.on('error', () => {})
  if (typeof body === 'object' && !(body instanceof Uint8Array)) {
    for (const chunk of body) asking.write(chunk)
    asking.end()
  } else asking.end(body)
  const [response] = await answering
  return { status: response.statusCode, headers: response.headers, text: await text(response) }
}

/** A post of JSON text. */
export async function post(
  url: string,
  path: string,
  { body = '', headers = {} }: Pick<Asked, 'body' | 'headers'>,
): Promise<Answered> {
  return ask(url, { method: 'POST', path, headers: { 'content-type': 'application/json', ...headers }, body })
}

/** A connection that says exactly this, and then reads nothing until it is told to. */
export async function raw(url: string, said: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.pause()
  socket.write(said)
  return socket
}

/** All that comes until the other end has had enough. */
export async function rest(socket: Socket): Promise<string> {
  let said = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => (said += chunk))
  socket.resume()
  if (!socket.closed) await once(socket, 'close')
  return said
}
