import { describe, expect, test } from 'vitest'

import { probes } from '../../../src/adapters/probes/index.ts'
import type { ProbeAnswer } from '../../../src/engine/ports.ts'
import { httpSpec, patient, targetAt } from '../../../src/testing/probe-rig.ts'
import { rawServer } from '../../../src/testing/raw-server.ts'
import { eventually } from '../../../src/testing/traffic-rig.ts'
import { backend } from '../../../src/testing/version-server.ts'

type Spec = Parameters<typeof httpSpec>[0]

async function probe(url: string, spec: Spec = {}): Promise<ProbeAnswer> {
  return probes().probe(httpSpec(spec), targetAt(url), patient())
}

async function answering(headers: Record<string, string | string[]>) {
  return backend((_, res) => res.writeHead(200, headers).end())
}

/** Stops this process for a while, as a busy controller would. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

describe('what is read of an answer has an end', () => {
  test('a body without one counts once 64 kB of it are there', async () => {
    await using server = await backend((_, res) => {
      const more = (): void => {
        while (!res.destroyed && res.write('x'.repeat(10_000)));
      }
      res.on('drain', more)
      more()
    })
    expect((await probe(server.url)).health).toBe('healthy')
    expect(await probe(server.url, { body: 'ready' })).toMatchObject({
      health: 'unhealthy',
      message: "what was read of the body has no 'ready'",
    })
  })

  test('text is found up to there', async () => {
    await using server = await backend((req, res) => res.end(`${'x'.repeat(Number(req.url?.slice(1)))}ready`))
    expect((await probe(server.url, { path: '/65531', body: 'ready' })).health).toBe('healthy')
    expect((await probe(server.url, { path: '/65532', body: 'ready' })).health).toBe('unhealthy')
  })

  test('a body that drips runs out of time', async () => {
    await using server = await backend((_, res) => {
      const drip = setInterval(() => res.write('x'), 5)
      res.on('close', () => clearInterval(drip))
    })
    expect(await probe(server.url, { timeoutMs: 200 })).toMatchObject({
      health: 'unhealthy',
      message: 'no answer within 200ms',
    })
  })

  test('a head that drips runs out of time, and is hung up on', async () => {
    await using server = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      const drip = setInterval(() => socket.write('x: y\r\n'), 5)
      socket.on('close', () => clearInterval(drip))
    })
    expect((await probe(server.url, { timeoutMs: 200 })).health).toBe('unhealthy')
    await eventually(() => server.open === 0)
  })

  test.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n', 'the answer is no HTTP'],
    [
      'headers without an end',
      `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}`,
      'the headers of the answer are too large',
    ],
    ['nothing', '', 'the connection was broken off'],
  ])('%s is unhealthy', async (_, bytes, message) => {
    await using server = await rawServer((socket) => socket.once('data', () => socket.end(bytes)))
    expect(await probe(server.url)).toMatchObject({ health: 'unhealthy', message })
  })
})

describe('an expected header', () => {
  test('may be one of several of its name', async () => {
    await using server = await answering({ 'set-cookie': ['a=1', 'b=2'] })
    expect((await probe(server.url, { headers: { 'Set-Cookie': 'b=2' } })).health).toBe('healthy')
    expect((await probe(server.url, { headers: { 'Set-Cookie': 'c=3' } })).health).toBe('unhealthy')
  })

  test('that differs is shown with what came instead', async () => {
    await using server = await answering({ 'x-version': 'v0' })
    const { message } = await probe(server.url, { headers: { 'x-version': '{version}' } })
    expect(message).toBe("x-version is 'v0' instead of 'v1'")
  })

  test.each([
    ['x-auth-token', 's3cret', 'wanted'],
    ['x-auth-token', 'found', 's3cret'],
    ['x-any', 'Bearer s3cret99', 'wanted'],
    ['set-cookie', 'sid=s3cret', 'sid=other'],
  ])('named %s is not shown where it may be a secret', async (name, found, wanted) => {
    await using server = await answering({ [name]: found })
    expect(await probe(server.url, { headers: { [name]: wanted } })).toMatchObject({
      health: 'unhealthy',
      message: `${name} is not as expected`,
    })
  })

  test.each(['constructor', '__proto__', 'toString'])('named %s is not found where none is', async (name) => {
    await using server = await answering({})
    const { message } = await probe(server.url, { headers: Object.fromEntries([[name, 'x']]) })
    expect(message).toBe(`no header ${name.toLowerCase()}`)
  })

  test.each([
    ['a value with a line break', { x: 'a\r\nb' }],
    ['a name with a line break', { 'x\r\ny': 'a' }],
    ['a value that is none', { x: 1 as unknown as string }],
    ['no headers', null as unknown as Record<string, string>],
  ])('with %s is an error, and nobody is asked', async (_, headers) => {
    await using server = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    expect((await probe(server.url, { headers })).health).toBe('error')
    expect(server.accepted).toBe(0)
  })
})

describe('a controller that stood still', () => {
  test('gives an instance its time once more, before it calls it silent', async () => {
    await using server = await backend((_, res) => res.end())
    const asked = probe(server.url, { timeoutMs: 2_000 })
    stall(2_300)
    expect((await asked).health).toBe('healthy')
  })

  test('does so only once', async () => {
    await using server = await rawServer(() => {})
    const asked = probe(server.url, { timeoutMs: 200 })
    stall(400)
    expect(await asked).toMatchObject({ health: 'unhealthy', message: 'no answer within 200ms' })
  })
})

test('the longest list of accepted codes is told in a few words', async () => {
  await using server = await backend((_, res) => res.writeHead(500).end())
  const status = Array.from({ length: 200 }, (_, i) => 200 + i)
  expect((await probe(server.url, { status: [...status, 404, 201] })).message).toBe(
    '500 instead of 200-399 or 404',
  )
})

test('of a redirect it is said that it leads nowhere', async () => {
  await using server = await backend((_, res) =>
    res.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end(),
  )
  expect((await probe(server.url)).message).toBe('302 instead of 200 (redirects are not followed)')
})
