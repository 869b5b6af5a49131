import { createServer, type RequestListener } from 'node:http'

import { onTestFinished } from 'vitest'

import { connect, type ConnectOptions, type Remote } from '../../src/client/index.ts'

/** A client that is closed with its test. */
export function client(url: string, options: ConnectOptions = {}): Remote {
  const remote = connect(url, options)
  onTestFinished(() => remote.close())
  return remote
}

/** Resolves when the streams of a client are open: what it asks for waits for them, and this asks for nothing. */
export async function opened(remote: Remote): Promise<void> {
  await remote.rollback('nobody').catch(() => {})
}

/** A server that is not an engine's, closed with its test. */
export async function stranger(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('it does not listen')
  return `http://127.0.0.1:${address.port}`
}

/** An address at which nobody listens. */
export async function nowhere(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new TypeError('it does not listen')
  return `http://127.0.0.1:${address.port}`
}
