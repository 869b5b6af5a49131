import { afterEach, describe, expect, test, vi } from 'vitest'

import { smokeTests } from '../../../src/adapters/smoke-tests/index.ts'
import { differenceOf } from '../../../src/adapters/smoke-tests/json.ts'
import type { TestAnswer } from '../../../src/events/rollout-event.ts'
import { patient } from '../../../src/testing/probe-rig.ts'
import { rawServer } from '../../../src/testing/raw-server.ts'
import { httpTest } from '../../../src/testing/test-runner-rig.ts'
import { eventually } from '../../../src/testing/traffic-rig.ts'
import { backend } from '../../../src/testing/version-server.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

async function run(
  { url }: { readonly url: string },
  spec: ReturnType<typeof httpTest>,
  options = patient(),
): Promise<TestAnswer> {
  return smokeTests().run(spec, { service: 'shop', url, version: 'v1' }, options)
}

/** Expects JSON that nobody sends, and says what is told of that which came. */
async function told(body: string, json: unknown, headers = {}): Promise<string> {
  await using server = await backend((_, res) => res.end(body))
  return (await run(server, httpTest({ headers }, { json }))).message
}

describe('an answer', () => {
  test('is read to its first megabyte, and not taken for JSON when there is more', async () => {
    await using server = await backend((req, res) => {
      const padding = ' '.repeat(Number(req.url?.slice(1)) - '{"ok":true}'.length)
      res.end(`${padding}{"ok":true}`)
    })
    const most = 1 << 20
    const ask = async (size: number): Promise<TestAnswer> =>
      run(server, httpTest({ path: `/${size}` }, { json: { ok: true } }))
    expect((await ask(most)).status).toBe('passed')
    expect(await ask(most + 1)).toMatchObject({
      status: 'failed',
      message: 'the body is too large to be read as JSON',
    })
  })

  test('that drips is given up with the signal, and hung up on', async () => {
    await using server = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const drip = setInterval(() => socket.write('x'), 5)
      socket.on('close', () => clearInterval(drip))
    })
    const given = new AbortController()
    const asked = run(server, httpTest(), { signal: given.signal })
    await eventually(() => server.open === 1)
    given.abort(new Error('never mind'))
    await expect(asked).rejects.toThrow('never mind')
    await eventually(() => server.open === 0)
  })

  test('that is no HTTP has failed', async () => {
    await using server = await rawServer((socket) => socket.once('data', () => socket.end('SSH-2.0\r\n')))
    expect(await run(server, httpTest())).toMatchObject({
      status: 'failed',
      message: 'the answer is no HTTP',
    })
  })

  test('with a marker in front of its JSON is read all the same', async () => {
    await using server = await backend((_, res) => res.end('\uFEFF{"ok":true}'))
    expect((await run(server, httpTest({}, { json: { ok: true } }))).status).toBe('passed')
  })

  test.each([
    [1, '['],
    [100_000, '['],
    [30_000, '{"a":'],
  ])('of %i times %s harms nobody', async (times, part) => {
    const { length } = await told(part.repeat(times), { a: 1 })
    expect(length).toBeGreaterThan(0)
  })

  test('is compared with an expectation of any depth', async () => {
    const deep = JSON.parse('{"a":'.repeat(20_000) + '1' + '}'.repeat(20_000))
    await using server = await backend((_, res) => res.end('{"a":'.repeat(20_000) + '2' + '}'.repeat(20_000)))
    expect((await run(server, httpTest({}, { json: deep }))).status).toBe('failed')
  })
})

describe('what differs is told', () => {
  test.each([
    ['{"a":{"b":[1,"x"]}}', { a: { b: [1, 'y'] } }, 'a.b[1]: "x" instead of "y"'],
    ['3', '3', 'the body: 3 instead of "3"'],
    ['{"a":[1]}', { a: {} }, 'a: a list instead of an object'],
    ['{"a":null}', { a: [] }, 'a: null instead of a list'],
    ['{}', { a: 1 }, 'a is missing'],
    [`{"a":"${'x'.repeat(1_000)}"}`, { a: 'y' }, `a: "${'x'.repeat(80)}…" instead of "y"`],
  ])('of %s', async (body, json, message) => {
    expect(await told(body, json)).toBe(message)
  })

  test.each([
    ['{"access_token":"s3cret"}', { access_token: 'another' }],
    ['{"user":{"password":"s3cret"}}', { user: { password: 'another' } }],
    ['{"header":"Bearer s3cret-99"}', { header: 'another' }],
    ['{"url":"http://user:s3cret@host/"}', { url: 'another' }],
    ['{"password":"another"}', { password: 's3cret' }],
  ])('but no secret of %s', async (body, json) => {
    expect(await told(body, json)).toMatch(/^[\w.]+ is not as expected$/)
  })

  test('and nothing of what was sent by reference, however long it is', async () => {
    const secret = `s3cret"${'k'.repeat(200)}`
    vi.stubEnv('SLUICE_TEST_TOKEN', secret)
    const body = JSON.stringify({ note: `you sent ${secret}, thanks` })
    const message = await told(body, { note: 'x' }, { 'x-key': 'env:SLUICE_TEST_TOKEN' })
    expect(message).toBe('note: "you sent [redacted], thanks" instead of "x"')
  })
})

test('JSON that is as expected has no difference', () => {
  const where = { at: '', secrets: [] }
  for (const json of [null, true, 0, '', [], {}, [[{ a: [null] }]], { a: { b: 'c' } }]) {
    expect(differenceOf(json, structuredClone(json), where)).toBe(null)
  }
})
