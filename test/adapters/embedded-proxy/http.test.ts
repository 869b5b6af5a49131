import { createHash, randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { NO_COUNTS } from '../../../src/analysis/sample.ts'
import { eventually } from '../../../src/testing/traffic-rig.ts'
import { backend, versionServer } from '../../../src/testing/version-server.ts'
import { ask, planeTo, raw, routeTo } from './plane-kit.ts'

test('the version sees the path, the query and the host that the client asked for, and who asked', async () => {
  await using app = await backend((req, res) =>
    res.end(JSON.stringify({ url: req.url, headers: req.headers })),
  )
  await using proxy = await planeTo([app.url])

  const { body } = await ask(proxy.port, {
    path: '/a%20b?x=1&x=%2F',
    headers: { host: 'shop.example', 'x-forwarded-for': '10.0.0.9', cookie: 'a=b' },
  })

  expect(JSON.parse(body)).toEqual({
    url: '/a%20b?x=1&x=%2F',
    headers: {
      host: 'shop.example',
      cookie: 'a=b',
      connection: 'keep-alive',
      'x-forwarded-for': '10.0.0.9, 127.0.0.1',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-proto': 'http',
    },
  })
})

test('headers of one connection go no further, in both directions', async () => {
  await using app = await backend((req, res) => {
    res.writeHead(200, { connection: 'x-own', 'x-own': '1', 'proxy-connection': 'x', 'x-kept': '1' })
    res.end(Object.keys(req.headers).toSorted().join())
  })
  await using proxy = await planeTo([app.url])

  const { res, body } = await ask(proxy.port, {
    headers: {
      connection: 'x-mine, host',
      'x-mine': '1',
      te: 'trailers',
      'proxy-connection': 'x',
      'x-kept': '1',
    },
  })

  expect(body).toBe('connection,host,x-forwarded-for,x-forwarded-host,x-forwarded-proto,x-kept')
  expect(res.headers).toMatchObject({ 'x-kept': '1' })
  expect(res.headers).not.toHaveProperty('x-own')
  expect(res.headers).not.toHaveProperty('proxy-connection')
})

test('several cookies, a status text and trailers come through as they were sent', async () => {
  await using app = await backend((_, res) => {
    res.writeHead(299, 'Fine', [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['trailer', 'x-sum'],
    ])
    res.write('body')
    res.addTrailers({ 'x-sum': '42' })
    res.end()
  })
  await using proxy = await planeTo([app.url])

  const { res, body } = await ask(proxy.port, {})

  expect([res.statusCode, res.statusMessage, body]).toEqual([299, 'Fine', 'body'])
  expect(res.headers['set-cookie']).toEqual(['a=1', 'b=2'])
  expect(res.trailers).toEqual({ 'x-sum': '42' })
})

test.each([
  { method: 'HEAD', path: '/status/200' },
  { method: 'GET', path: '/status/204' },
  { method: 'GET', path: '/status/304' },
])('$method $path has no body, and the connection goes on', async ({ method, path }) => {
  await using app = await versionServer('v1')
  await using proxy = await planeTo([app.url])
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  const { body } = await ask(proxy.port, { method, path, agent })
  const next = await ask(proxy.port, { agent })
  agent.destroy()

  expect([body, next.body]).toEqual(['', 'v1'])
})

test('an upload of unknown length is passed on as it comes', async () => {
  await using app = await versionServer('v1')
  await using proxy = await planeTo([app.url])
  const pieces: string[] = []

  const out = request({ host: '127.0.0.1', port: proxy.port, method: 'POST', path: '/echo' })
  out.on('response', (res) => res.setEncoding('utf8').on('data', (piece: string) => pieces.push(piece)))
  for (const piece of ['one', 'two', 'three']) {
    out.write(piece)
    await eventually(() => pieces.at(-1)?.endsWith(piece))
  }
  out.end()

  await eventually(() => proxy.counts().served[1] === 1)
  expect(pieces.join()).toBe('one,two,three')
})

test('the head of an answer arrives before its body does', async () => {
  await using app = await backend((_, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.flushHeaders()
  })
  await using proxy = await planeTo([app.url])
  const given = new AbortController()
  const answer = await fetch(proxy.url, { signal: given.signal })
  expect(answer.headers.get('content-type')).toBe('text/event-stream')
  given.abort()
})

test('a client that reads slowly holds the version back, not the proxy’s memory', async () => {
  const sent = { bytes: 0 }
  await using app = await backend((_, res) => {
    const piece = randomBytes(65_536)
    const more = (): void => {
      while (sent.bytes < 256 << 20) {
        sent.bytes += piece.length
        if (!res.write(piece)) return
      }
    }
    res.on('drain', more)
    more()
  })
  await using proxy = await planeTo([app.url])
  const out = request({ host: '127.0.0.1', port: proxy.port }).end()
  await new Promise((resolve) => {
    out.on('response', (res) => resolve(res.pause()))
  })
  let before = -1
  await eventually(async () => {
    await sleep(200)
    const still = before === sent.bytes
    before = sent.bytes
    return still
  })
  out.destroy()
  expect(sent.bytes).toBeLessThan(64 << 20)
})

test('an answer that comes before the upload ended is passed on, and the connection lives on', async () => {
  await using app = await backend((req, res) => {
    // Late enough for the upload to be stuck: nobody reads it.
    if (req.method === 'POST') setTimeout(() => res.writeHead(413).end('too much'), 200)
    else res.end('fine')
  })
  await using proxy = await planeTo([app.url])
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  const { res, body, from } = await ask(proxy.port, { method: 'POST', agent }, 'x'.repeat(32 << 20))
  const next = await ask(proxy.port, { agent })
  agent.destroy()

  expect([res.statusCode, body, next.body, next.from]).toEqual([413, 'too much', 'fine', from])
})

function sum(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

test('many uploads at once arrive byte by byte', async () => {
  await using app = await versionServer('v1')
  await using proxy = await planeTo([app.url])
  const bodies = Array.from({ length: 12 }, () => randomBytes(1 << 20))

  const echoed = await Promise.all(
    bodies.map(async (body) => {
      const answer = await fetch(`${proxy.url}/echo`, { method: 'PUT', body })
      return sum(new Uint8Array(await answer.arrayBuffer()))
    }),
  )

  expect(echoed).toEqual(bodies.map(sum))
})

const HEAD = 'POST / HTTP/1.1\r\nHost: shop\r\n'

test.each([
  ['a length and chunks', `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['two lengths', `${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`],
  ['a length that is none', `${HEAD}Content-Length: +5\r\n\r\nhello`],
  ['an encoding that is none', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['a space before the colon', 'POST / HTTP/1.1\r\nHost: shop\r\nContent-Length : 5\r\n\r\nhello'],
  ['a folded header', 'GET / HTTP/1.1\r\nHost: shop\r\nX: a\r\n b\r\nConnection: close\r\n\r\n'],
  ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n'],
  ['an address of another host', 'GET http://b/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  ['bare line feeds', 'GET / HTTP/1.1\nHost: shop\nTransfer-Encoding: chunked\n\n0\n\n'],
])('a request with %s is refused with 400 and reaches no version', async (_, bytes) => {
  let reached = 0
  await using app = await backend((__, res) => {
    reached += 1
    res.end()
  })
  await using proxy = await planeTo([app.url])

  expect(await raw(proxy.port, bytes)).toMatch(/^HTTP\/1\.1 400 /)
  expect(reached).toBe(0)
  expect(proxy.counts()).toEqual(NO_COUNTS)
})

test('when an instance refuses connections, another one of the version gets the request, whatever its method', async () => {
  await using app = await versionServer('v1')
  const gone = await versionServer('v1')
  await gone[Symbol.asyncDispose]()
  await using proxy = await planeTo([gone.url, app.url])

  for (const method of ['GET', 'POST', 'POST', 'GET']) {
    const { body } = await ask(proxy.port, { method, path: '/echo' }, method === 'POST' ? 'hello' : '')
    expect(body).toBe(method === 'POST' ? 'hello' : '')
  }
  expect(proxy.counts()).toMatchObject({ served: [0, 4, 0, 0, 0], failed: 0 })
})

test.each([
  { method: 'POST', body: 'order', times: 1 },
  { method: 'POST', body: undefined, times: 1 },
  { method: 'PATCH', body: 'order', times: 1 },
  { method: 'PUT', body: 'order', times: 1 },
  { method: 'PUT', body: undefined, times: 2 },
  { method: 'GET', body: undefined, times: 2 },
])(
  'a $method of $body whose connection broke is sent $times time(s) in all',
  async ({ method, body, times }) => {
    let seen = 0
    await using app = await backend((req) => {
      seen += 1
      req.socket.destroy()
    })
    await using proxy = await planeTo([app.url])

    const { res } = await ask(proxy.port, { method }, body)

    expect(res.statusCode).toBe(502)
    expect(seen).toBe(times)
    expect(proxy.counts()).toEqual({ ...NO_COUNTS, failed: 1 })
  },
)

test('a version that closes its idle connections without a word costs no request', async () => {
  // Idle is a connection whose last answer is out: one that has just been opened is not, however slow the machine.
  await using app = await backend(({ socket }, res) => {
    socket.setTimeout(0)
    res.end('fine', () => socket.setTimeout(8, () => socket.destroy()))
  })
  // Node sends no Keep-Alive hint with this, and closes all the same.
  app.server.keepAliveTimeout = 0
  await using proxy = await planeTo([app.url])
  const statuses = new Set<number | undefined>()

  for (let i = 0; i < 150; i++) {
    const { res } = await ask(
      proxy.port,
      { method: i % 2 === 0 ? 'POST' : 'GET' },
      i % 2 === 0 ? 'x' : undefined,
    )
    statuses.add(res.statusCode)
    await sleep(4 + (i % 8))
  }

  expect([...statuses]).toEqual([200])
})

test('a version that takes too long is answered for with 504, and counted as failed', async () => {
  await using app = await versionServer('v1')
  await using proxy = await planeTo([app.url], { responseMs: 50 })
  const { res } = await ask(proxy.port, { path: '/hold' })
  expect(res.statusCode).toBe(504)
  expect(proxy.counts()).toEqual({ ...NO_COUNTS, failed: 1 })
})

test('what speaks something else than HTTP is answered for with 502', async () => {
  const server = createTcpServer((socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end('SSH-2.0-OpenSSH\r\n'),
  )
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await using proxy = await planeTo([`http://127.0.0.1:${port}`], { connectMs: 50 })

  const { res } = await ask(proxy.port, { method: 'POST' }, 'x')
  await new Promise((resolve) => {
    server.close(resolve)
  })

  expect(res.statusCode).toBe(502)
})

test('what no version is in charge of is answered with 503, and counted under no version', async () => {
  await using proxy = await planeTo([])
  const { res } = await ask(proxy.port, {})
  expect([res.statusCode, res.headers['retry-after']]).toEqual([503, '1'])

  await proxy.plane.apply({ ...routeTo([]), generation: { claim: 1, n: 2 }, backends: [] })
  await ask(proxy.port, {})
  expect([proxy.counts('').failed, proxy.counts('v1').failed]).toEqual([1, 1])
})

test('the instances of a version take turns', async () => {
  await using one = await versionServer('one')
  await using two = await versionServer('two')
  await using three = await versionServer('three')
  await using proxy = await planeTo([one.url, two.url, three.url])
  const bodies: string[] = []
  for (let i = 0; i < 6; i++) bodies.push((await ask(proxy.port, {})).body)
  expect(bodies).toEqual(['one', 'two', 'three', 'one', 'two', 'three'])
})

test('a drain that cuts a request leaves its client’s connection usable', async () => {
  await using app = await versionServer('v1')
  await using proxy = await planeTo([app.url])
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const held = ask(proxy.port, { path: '/hold', agent })
  await eventually(() => app.held === 1)

  const drained = await proxy.plane.drain(
    { service: 'shop', version: 'v1', ms: 1 },
    new AbortController().signal,
  )
  const cut = await held
  const next = await ask(proxy.port, { agent })
  agent.destroy()

  expect(drained).toEqual({ cut: 1 })
  expect(cut.res.statusCode).toBe(503)
  expect([next.body, next.from]).toEqual(['v1', cut.from])
})

test('a drain that is given up cuts nothing', async () => {
  await using app = await versionServer('v1')
  await using proxy = await planeTo([app.url])
  const held = ask(proxy.port, { path: '/hold' })
  await eventually(() => app.held === 1)
  const given = new AbortController()
  const drain = proxy.plane.drain({ service: 'shop', version: 'v1', ms: 50 }, given.signal)
  given.abort(new Error('the version is needed again'))

  await expect(drain).rejects.toThrow('needed again')
  await sleep(100)
  app.release()
  expect((await held).body).toBe('v1')
})

test('the split stays exact when the same generation is applied again and again', async () => {
  await using one = await versionServer('v1')
  await using two = await versionServer('v2')
  await using proxy = await planeTo([one.url])
  const [first] = routeTo([one.url]).backends
  const [second] = routeTo([two.url]).backends
  if (first === undefined || second === undefined) throw new RangeError('a route has a backend')
  const backends = [
    { ...first, weight: 9_900 as typeof first.weight },
    { ...second, version: 'v2', weight: 100 as typeof first.weight },
  ]
  const route = { ...routeTo([]), generation: { claim: 2, n: 1 }, backends }
  for (let i = 0; i < 200; i++) {
    if (i % 10 === 0) await proxy.plane.apply(route)
    await ask(proxy.port, {})
  }
  expect(proxy.counts('v2').served[1]).toBe(2)
})
