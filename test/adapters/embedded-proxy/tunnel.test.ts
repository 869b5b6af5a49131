import { connect } from 'node:net'

import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'

import { NO_COUNTS } from '../../../src/analysis/sample.ts'
import { eventually } from '../../../src/testing/traffic-rig.ts'
import { backend, type Backend, versionServer } from '../../../src/testing/version-server.ts'
import { ask, type OpenPlane, planeTo } from './plane-kit.ts'

/** A version that says back what it is told over a WebSocket, after a greeting. */
async function echo(): Promise<Backend> {
  const app = await backend((_, res) => res.end('http'))
  const sockets = new WebSocketServer({ server: app.server })
  sockets.on('connection', (socket) => {
    socket.send('hello')
    socket.on('message', (data, binary) => socket.send(data, { binary }))
  })
  return {
    ...app,
    async [Symbol.asyncDispose]() {
      for (const each of sockets.clients) each.terminate()
      await app[Symbol.asyncDispose]()
    },
  }
}

interface Talk {
  readonly socket: WebSocket
  readonly heard: string[]
  readonly closed: Promise<number>
}

async function talkTo(proxy: OpenPlane): Promise<Talk> {
  const socket = new WebSocket(proxy.url.replace('http', 'ws'))
  const heard: string[] = []
  socket.on('message', (data: Buffer) => heard.push(data.toString()))
  const closed = new Promise<number>((resolve) => {
    socket.on('close', resolve).on('error', () => {})
  })
  await new Promise((resolve, reject) => {
    socket.on('open', resolve).on('error', reject)
  })
  return { socket, heard, closed }
}

test('a WebSocket goes through, both ways, and is counted as one 101 when it ended', async () => {
  await using app = await echo()
  await using proxy = await planeTo([app.url])
  const { socket, heard, closed } = await talkTo(proxy)
  const long = 'x'.repeat(3 << 20)
  socket.send('one')
  socket.send(long)
  await eventually(() => heard.length === 3)
  expect(heard).toEqual(['hello', 'one', long])
  expect(proxy.counts()).toEqual({ ...NO_COUNTS, inFlight: 1 })

  socket.close(1000)
  expect(await closed).toBe(1000)
  await eventually(() => proxy.counts().inFlight === 0)
  expect(proxy.counts()).toEqual({ ...NO_COUNTS, served: [1, 0, 0, 0, 0] })
})

test('a drain waits for a tunnel, and cuts it at the deadline', async () => {
  await using app = await echo()
  await using proxy = await planeTo([app.url])
  const { closed } = await talkTo(proxy)

  const drained = await proxy.plane.drain(
    { service: 'shop', version: 'v1', ms: 60 },
    new AbortController().signal,
  )

  expect(drained).toEqual({ cut: 1 })
  await closed
  expect(proxy.counts()).toEqual({ ...NO_COUNTS, cut: 1 })
})

test('a version that dies under a tunnel failed it; a client that goes away did not', async () => {
  await using app = await echo()
  await using proxy = await planeTo([app.url])
  const { socket } = await talkTo(proxy)
  socket.terminate()
  await eventually(() => proxy.counts().inFlight === 0)
  expect(proxy.counts()).toEqual({ ...NO_COUNTS, served: [1, 0, 0, 0, 0] })
})

test('a version that does not upgrade has its answer passed on', async () => {
  await using app = await versionServer('v1')
  await using proxy = await planeTo([app.url])
  const headers = { connection: 'Upgrade', upgrade: 'websocket' }
  const { res, body } = await ask(proxy.port, { path: '/status/426', headers })
  expect([res.statusCode, body]).toEqual([426, 'v1'])
  await eventually(() => proxy.counts().inFlight === 0)
  expect(proxy.counts().served).toEqual([0, 0, 0, 1, 0])
})

test('an upgrade to a version that is gone is answered with 502', async () => {
  const gone = await versionServer('v1')
  await gone[Symbol.asyncDispose]()
  await using proxy = await planeTo([gone.url])
  const headers = { connection: 'Upgrade', upgrade: 'websocket' }
  const { res } = await ask(proxy.port, { headers })
  expect(res.statusCode).toBe(502)
  expect(proxy.counts()).toEqual({ ...NO_COUNTS, failed: 1 })
})

test('an offer of HTTP/2 is not taken up, and the request is served', async () => {
  await using app = await versionServer('v1')
  await using proxy = await planeTo([app.url])
  const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' }
  const { body } = await ask(proxy.port, { method: 'POST', path: '/echo', headers }, 'hello')
  expect(body).toBe('hello')
})

test('a client that leaves in the middle of the handshake harms nobody', async () => {
  await using app = await backend(() => {})
  app.server.on('upgrade', () => {})
  await using proxy = await planeTo([app.url])
  const socket = connect({ host: '127.0.0.1', port: proxy.port })
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await eventually(() => proxy.counts().inFlight === 1)
  socket.destroy()
  await eventually(() => proxy.counts().inFlight === 0)
  expect(proxy.counts()).toEqual({ ...NO_COUNTS, clientAborts: 1 })
})
