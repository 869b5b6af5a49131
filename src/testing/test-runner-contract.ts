import { afterEach, describe, expect, test, vi } from 'vitest'

import type { TestSpec } from '../engine/ports.ts'
import { deadUrl, rawServer } from './raw-server.ts'
import { callsFunctions } from './test-function-contract.ts'
import { httpTest, type OpenRunner as Open, run, UNBOUND } from './test-runner-rig.ts'
import { eventually } from './traffic-rig.ts'
import { backend, versionServer } from './version-server.ts'

export type { TestRunnerUnderTest } from './test-runner-rig.ts'

const MALFORMED = { name: 'UsageError', code: 'ARGUMENT_INVALID' }

/**
 * What every TestRunner promises, checked with real requests and functions of all kinds. Adapter authors call it in a
 * vitest test file of their own.
 */
export function testRunnerContract(name: string, open: Open): void {
  describe(`${name} keeps the TestRunner contract`, () => {
    afterEach(() => {
      vi.unstubAllEnvs()
    })
    asks(open)
    judges(open)
    refersToSecrets(open)
    refuses(open)
    isGivenUp(open)
    callsFunctions(open)
  })
}

function asks(open: Open): void {
  test('method, path, headers and body arrive as they are written', async () => {
    await using server = await backend((req, res) => {
      const { 'x-key': key, 'content-type': type } = req.headers
      res.write(`${req.method} ${req.url} ${String(key)} ${String(type)} `)
      req.pipe(res)
    })
    const asked = { method: 'POST', path: '/orders?dry=1', body: '{"a":"ü"}' }
    const headers = { 'x-key': 'one', 'content-type': 'application/json' }
    const body = 'POST /orders?dry=1 one application/json {"a":"ü"}'
    const answer = await run(open(), httpTest({ ...asked, headers }, { body }), server)
    expect(answer).toMatchObject({ status: 'passed', message: expect.any(String) })
    expect(answer.durationMs).toBeGreaterThanOrEqual(0)
  })

  test.each(['/status/503', '/reset', '/truncated'])('what comes of %s has failed', async (path) => {
    await using server = await versionServer('v1')
    expect((await run(open(), httpTest({ path }), server)).status).toBe('failed')
  })

  test('where nobody listens it has failed', async () => {
    const answer = await run(open(), httpTest(), { url: await deadUrl() })
    expect(answer).toMatchObject({ status: 'failed', message: 'connection refused' })
  })

  test('a redirect is an answer, and is followed nowhere', async () => {
    await using elsewhere = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    await using server = await backend((_, res) => res.writeHead(302, { location: elsewhere.url }).end())
    expect((await run(open(), httpTest(), server)).status).toBe('failed')
    expect((await run(open(), httpTest({}, { status: [302] }), server)).status).toBe('passed')
    expect(elsewhere.accepted).toBe(0)
  })
}

interface Case {
  readonly expected: object
  readonly status: 'passed' | 'failed'
  readonly message?: string
}

/** What is expected of `{"total": 3, …}`, and what comes of it. */
const CASES: readonly Case[] = [
  { expected: { status: [201] }, status: 'failed', message: '200 instead of 201' },
  { expected: { status: [200, 201] }, status: 'passed' },
  { expected: { body: '"total": 3' }, status: 'passed' },
  { expected: { body: 'error' }, status: 'failed' },
  { expected: { json: {} }, status: 'passed' },
  { expected: { json: { total: 3 } }, status: 'passed' },
  { expected: { json: { total: 3, items: [{ id: 1 }, { id: 2 }] } }, status: 'passed' },
  { expected: { json: { total: 4 } }, status: 'failed', message: 'total: 3 instead of 4' },
  { expected: { json: { total: '3' } }, status: 'failed', message: 'total: 3 instead of "3"' },
  { expected: { json: { items: [{ id: 1 }] } }, status: 'failed', message: '2 entries instead of 1' },
  { expected: { json: { items: [{ id: 1 }, { id: 3 }] } }, status: 'failed', message: 'items[1].id' },
  { expected: { json: { items: { 0: { id: 1 } } } }, status: 'failed' },
  { expected: { json: { next: null } }, status: 'passed' },
  { expected: { json: { next: {} } }, status: 'failed' },
  { expected: { json: { more: null } }, status: 'failed', message: 'more is missing' },
  { expected: { json: [] }, status: 'failed' },
  { expected: { json: JSON.parse('{"__proto__": {"a": 1}}') }, status: 'failed' },
  { expected: { json: { toString: null } }, status: 'failed', message: 'toString is missing' },
]

function judges(open: Open): void {
  test.each(CASES)('$expected is $status', async ({ expected, status, message = '' }) => {
    const body = '{"total": 3, "items": [{"id": 1, "name": "a"}, {"id": 2}], "next": null}'
    await using server = await backend((_, res) => res.end(body))
    const answer = await run(open(), httpTest({}, expected), server)
    expect(answer).toMatchObject({ status, message: expect.stringContaining(message) })
  })

  test.each(['', 'no JSON', '{"a": 1', '<html>', '\u0000'])('of %j no JSON can be expected', async (body) => {
    await using server = await backend((_, res) => res.end(body))
    expect((await run(open(), httpTest({}, { json: {} }), server)).status).toBe('failed')
  })
}

function refersToSecrets(open: Open): void {
  test('a reference is resolved when it is sent, and shown by nobody', async () => {
    vi.stubEnv('SLUICE_TEST_TOKEN', 's3cret-of-the-shop')
    await using server = await backend((req, res) => res.end(JSON.stringify({ got: req.headers['x-key'] })))
    const headers = { 'x-key': 'env:SLUICE_TEST_TOKEN' }
    const right = await run(open(), httpTest({ headers }, { json: { got: 's3cret-of-the-shop' } }), server)
    expect(right.status).toBe('passed')
    const wrong = await run(open(), httpTest({ headers }, { json: { got: 'another' } }), server)
    expect(wrong.status).toBe('failed')
    expect(JSON.stringify([right, wrong])).not.toContain('s3cret')
  })

  test('one that leads nowhere is UNBOUND_NAME, says which, and nobody is asked', async () => {
    await using server = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    for (const reference of ['env:SLUICE_TEST_NOBODY', 'file:/nowhere/no-such-file']) {
      const asked = run(open(), httpTest({ headers: { 'x-key': reference } }), server)
      await expect(asked).rejects.toMatchObject({ ...UNBOUND, message: expect.stringContaining(reference) })
    }
    expect(server.accepted).toBe(0)
  })

  test('one that stands for more than a line is refused, and not shown', async () => {
    vi.stubEnv('SLUICE_TEST_TOKEN', 's3cret\r\nx-evil: 1')
    await using server = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    const asked = run(open(), httpTest({ headers: { 'x-key': 'env:SLUICE_TEST_TOKEN' } }), server)
    await expect(asked).rejects.toMatchObject({
      ...MALFORMED,
      message: expect.not.stringContaining('s3cret'),
    })
    expect(server.accepted).toBe(0)
  })
}

function refuses(open: Open): void {
  test.each([
    ['a header with a line break', httpTest({ headers: { 'x-key': 'a\r\nx-evil: 1' } })],
    ['a header whose name is none', httpTest({ headers: { 'x key': 'a' } })],
    ['a path that is none', httpTest({ path: 'orders' })],
    ['a path that is another place', httpTest({ path: 'http://127.0.0.1:1/' })],
    ['a path with a line break', httpTest({ path: '/ HTTP/1.1\r\nx-evil: 1' })],
    ['a method that is none', httpTest({ method: 'GET /' })],
    ['no status', httpTest({}, { status: [] })],
    ['a status of NaN', httpTest({}, { status: [Number.NaN] })],
    ['a kind that there is not', { ...httpTest(), kind: 'guess' } as unknown as TestSpec],
  ] satisfies [string, TestSpec][])('%s is refused, and nobody is asked', async (_, spec) => {
    await using server = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    await expect(run(open(), spec, server)).rejects.toMatchObject(MALFORMED)
    expect(server.accepted).toBe(0)
  })
}

function isGivenUp(open: Open): void {
  test('a request that is given up already is not begun', async () => {
    await using server = await rawServer(() => {})
    const signal = AbortSignal.abort(new Error('never mind'))
    await expect(run(open(), httpTest(), { signal, url: server.url })).rejects.toThrow('never mind')
    expect(server.accepted).toBe(0)
  })

  test('a request that is given up rejects at once, and hangs up', async () => {
    await using server = await versionServer('v1')
    const given = new AbortController()
    const asked = run(open(), httpTest({ path: '/hold' }), { url: server.url, signal: given.signal })
    await eventually(() => server.held === 1)
    given.abort(new Error('never mind'))
    await expect(asked).rejects.toThrow('never mind')
    await eventually(() => server.held === 0)
  })
}
