import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { describe, expect, test } from 'vitest'

import { ask, placeOf, type Question } from '../../src/adapters/requests/index.ts'
import { patient } from '../../src/testing/probe-rig.ts'
import { deadUrl, rawServer } from '../../src/testing/raw-server.ts'
import { eventually } from '../../src/testing/traffic-rig.ts'
import { backend } from '../../src/testing/version-server.ts'

function question(url: string, more: Partial<Question> = {}): Question {
  return { url, method: 'GET', path: '/', headers: {}, body: null, mostBytes: 1_000, ...more }
}

/** A server that sends this to whoever connects and asks, and then hangs up, unless it is told to stay. */
async function sending(bytes: string | Buffer, { stays = false } = {}) {
  return rawServer((socket) => {
    socket.once('data', () => (stays ? socket.write(bytes) : socket.end(bytes)))
  })
}

/** How many ends of connections this process holds. */
function connections(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
}

describe('a request', () => {
  test('sends what it was told and nothing that was not asked for', async () => {
    await using server = await rawServer((socket) => {
      socket.once('data', (bytes) => {
        socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${bytes.toString()}`)
      })
    })
    const { body } = await ask(question(server.url, { path: '/a?b=c', headers: { 'X-One': '1' } }), patient())
    expect(body.split('\r\n')).toEqual([
      'GET /a?b=c HTTP/1.1',
      'user-agent: sluice',
      'X-One: 1',
      `Host: 127.0.0.1:${server.port}`,
      'Connection: close',
      '',
      '',
    ])
  })

  test.each(['GET', 'POST', 'DELETE', 'PUT', 'OPTIONS'])('%s carries its body whole', async (method) => {
    await using server = await backend((req, res) => {
      const hash = createHash('sha256')
      req.on('data', (part: Buffer) => hash.update(part))
      req.on('end', () => res.end(`${req.method} ${hash.digest('hex')}`))
    })
    const body = 'grüße '.repeat(50_000)
    const answer = await ask(question(server.url, { method, body }), patient())
    expect(answer.body).toBe(`${method} ${createHash('sha256').update(body).digest('hex')}`)
  })

  test('goes below the base path of its URL, whatever its own path looks like', async () => {
    await using server = await backend((req, res) => res.end(`${req.headers.host} ${req.url}`))
    const host = server.url.slice('http://'.length)
    for (const path of [
      '/x',
      '//evil.test/x',
      '/\\evil.test',
      '/@evil.test/',
      '/../x',
      '/http://evil.test',
    ]) {
      expect((await ask(question(`${server.url}/base/`, { path }), patient())).body).toBe(
        `${host} /base${path}`,
      )
    }
  })

  test('has a connection of its own, which is closed when the answer is there', async () => {
    await using server = await rawServer((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'))
    })
    for (let n = 1; n <= 3; n++) {
      expect(await ask(question(server.url), patient())).toMatchObject({
        status: 200,
        body: 'ok',
        isWhole: true,
      })
      expect(server.accepted).toBe(n)
    }
    await eventually(() => server.open === 0)
  })

  test('is over with the answer, also when nobody wants to have its body', async () => {
    await using server = await rawServer((socket) => {
      socket.pause()
      socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno')
    })
    const before = connections()
    const body = 'x'.repeat(20 << 20)
    const answer = await ask(question(server.url, { method: 'POST', body }), patient())
    expect(answer).toMatchObject({ status: 413, body: 'no' })
    // The server's own end stays: it does not read, and so does not learn that nobody is there.
    await eventually(() => connections() === before + 1)
  })

  test('takes a redirect for an answer, and goes nowhere', async () => {
    await using elsewhere = await rawServer((socket) => socket.destroy())
    await using server = await backend((_, res) => res.writeHead(307, { location: elsewhere.url }).end())
    expect(await ask(question(server.url), patient())).toMatchObject({ status: 307 })
    expect(elsewhere.accepted).toBe(0)
  })

  test('reads of a body what it was told to, and hangs up', async () => {
    let written = 0
    await using server = await backend((_, res) => {
      const more = (): void => {
        while (!res.destroyed && res.write('x'.repeat(10_000))) written += 10_000
      }
      res.on('drain', more)
      more()
    })
    const answer = await ask(question(server.url, { mostBytes: 1_000 }), patient())
    expect(answer).toMatchObject({ body: 'x'.repeat(1_000), isWhole: false })
    const after = await eventually(async () => {
      const before = written
      await sleep(50)
      return written === before && written
    })
    expect(after).toBeLessThan(50 << 20)
  })

  test('a body of exactly that size is whole, and one more byte is not', async () => {
    await using server = await backend((req, res) => res.end('x'.repeat(Number(req.url?.slice(1)))))
    for (const [size, isWhole] of [
      [999, true],
      [1_000, true],
      [1_001, false],
    ] as const) {
      expect((await ask(question(server.url, { path: `/${size}` }), patient())).isWhole).toBe(isWhole)
    }
  })

  test.each([
    ['garbage', '\u0000\u0001\u0002 what?\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['HTTP that is none', 'HTTP/1.1 two hundred\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok'],
    ['headers without an end', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}`],
    ['nothing', ''],
    ['a part of the headers', 'HTTP/1.1 200 OK\r\ncontent-'],
    ['a part of the body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok'],
    ['a part of a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nok'],
    [
      'another protocol that nobody asked for',
      'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    ],
  ])('%s is no answer', async (_, bytes) => {
    await using server = await sending(bytes)
    await expect(ask(question(server.url), patient())).rejects.toMatchObject({ name: 'Unanswered' })
    await eventually(() => server.open === 0)
  })

  test('where nobody listens there is no answer', async () => {
    await expect(ask(question(await deadUrl()), patient())).rejects.toThrow('connection refused')
  })

  test('an unknown host gives no answer', async () => {
    await expect(ask(question('http://nobody.invalid'), patient())).rejects.toMatchObject({
      name: 'Unanswered',
    })
  })

  test.each([
    ['before the head', ''],
    ['within the head', 'HTTP/1.1 200 OK\r\ncontent-'],
    ['within the body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok'],
    ['within informational answers', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n'],
  ])('one that gets stuck %s is given up when its signal aborts, and hangs up', async (_, bytes) => {
    await using server = await sending(bytes, { stays: true })
    const given = new AbortController()
    const asked = ask(question(server.url), { signal: given.signal })
    await eventually(() => server.open === 1)
    given.abort(new Error('never mind'))
    await expect(asked).rejects.toThrow('never mind')
    await eventually(() => server.open === 0)
  })

  test('one that is given up already is not begun', async () => {
    await using server = await rawServer(() => {})
    const given = AbortSignal.abort(new Error('never mind'))
    await expect(ask(question(server.url), { signal: given })).rejects.toThrow('never mind')
    expect(server.accepted).toBe(0)
  })
})

describe('what could be understood in two ways is refused before anything is sent', () => {
  const refused = { name: 'UsageError', code: 'ARGUMENT_INVALID' }

  test.each([
    ['path', { path: 'health' }],
    ['path', { path: '' }],
    ['path', { path: 'http://evil.test/' }],
    ['path', { path: '/a b' }],
    ['path', { path: '/a\r\nx-evil: 1' }],
    ['path', { path: '/ä' }],
    ['path', { path: '/#top' }],
    ['path', { path: `/${'x'.repeat(1_000_000)}` }],
    ['method', { method: '' }],
    ['method', { method: 'GET / HTTP/1.1\r\n' }],
    ['method', { method: 'connect' }],
    ['header x', { headers: { x: 's3cret\r\nx-evil: 1' } }],
    ['header x', { headers: { x: 's3cret\nx' } }],
    ['header x', { headers: { x: 's3cret\0' } }],
    ['header x', { headers: { x: 's3cret✓' } }],
    ['header x', { headers: { x: 's3cret'.repeat(10_000) } }],
    ['headers', { headers: { 'x y': 's3cret' } }],
    ['headers', { headers: { '': 's3cret' } }],
    ['headers', { headers: { 'x\r\nx-evil': 's3cret' } }],
    ['header Content-Length', { headers: { 'Content-Length': '0' } }],
    ['header transfer-encoding', { headers: { 'transfer-encoding': 'chunked' } }],
    ['header Upgrade', { headers: { Upgrade: 'websocket' } }],
  ] satisfies [string, Partial<Question>][])('%s: %j', async (what, more) => {
    await using server = await rawServer((socket) => socket.end())
    const asked = ask(question(server.url, more), patient())
    await expect(asked).rejects.toMatchObject({ ...refused, message: expect.stringContaining(what) })
    await expect(asked).rejects.not.toMatchObject({ message: expect.stringContaining('s3cret') })
    expect(server.accepted).toBe(0)
  })

  test.each([
    '',
    'nonsense',
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'javascript:1',
    'http://user:s3cret@127.0.0.1/',
    'http://user@127.0.0.1/',
    'http://127.0.0.1/?token=s3cret',
    'http://127.0.0.1/#s3cret',
  ])('the URL %j', async (url) => {
    await expect(ask(question(url), patient())).rejects.toMatchObject({
      ...refused,
      message: expect.not.stringContaining('s3cret'),
    })
  })
})

test.each([
  ['http://a.test', { protocol: 'http:', host: 'a.test', port: 80, base: '' }],
  ['https://a.test/', { protocol: 'https:', host: 'a.test', port: 443, base: '' }],
  ['http://[::1]:8080/x//', { protocol: 'http:', host: '::1', port: 8080, base: '/x' }],
])('the place of %s is found', (url, place) => {
  expect(placeOf(url)).toEqual(place)
})
