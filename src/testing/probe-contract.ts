import type { ServerResponse } from 'node:http'

import { describe, expect, test } from 'vitest'

import type { HealthProbe, ProbeAnswer, ProbeSpec } from '../engine/ports.ts'
import { beating, type Heart, heart, httpSpec, patient, targetAt } from './probe-rig.ts'
import { deadUrl, rawServer } from './raw-server.ts'
import { eventually } from './traffic-rig.ts'
import { backend, versionServer } from './version-server.ts'

type Open = () => HealthProbe

/**
 * What every HealthProbe promises, checked with real servers and processes. Adapter authors call it in a vitest test file
 * of their own. Programs are run with `sh` and with the Node of the test.
 */
export function probeContract(name: string, open: Open): void {
  describe(`${name} keeps the HealthProbe contract`, () => {
    asksOverHttp(open)
    connects(open)
    runsPrograms(open)
    neverRejects(open)
    isGivenUp(open)
  })
}

function asksOverHttp(open: Open): void {
  test.each([
    { path: '/status/200', status: [200], health: 'healthy' },
    { path: '/status/204', status: [200, 204], health: 'healthy' },
    { path: '/status/503', status: [200], health: 'unhealthy', message: '503 instead of 200' },
    { path: '/status/404', status: [200, 204], health: 'unhealthy', message: '404 instead of 200 or 204' },
    { path: '/status/503', status: [503], health: 'healthy' },
  ])('$path is $health where $status is accepted', async ({ health, message, ...spec }) => {
    await using server = await versionServer('v1')
    const answer = await open().probe(httpSpec(spec), targetAt(server.url), patient())
    expect(answer).toMatchObject({ health, message: expect.stringContaining(message ?? '') })
    expect(answer.latencyMs).toBeGreaterThanOrEqual(0)
  })

  test('a body that has the text is healthy, any other is not', async () => {
    await using server = await backend((_, res) => res.end('{"status": "up"}'))
    const ask = async (body: string): Promise<ProbeAnswer> =>
      open().probe(httpSpec({ body }), targetAt(server.url), patient())
    expect((await ask('"up"')).health).toBe('healthy')
    expect((await ask('"down"')).health).toBe('unhealthy')
  })

  test('a header says which version answers, and a stranger on the port is found out', async () => {
    await using server = await backend((_, res) => res.writeHead(200, { 'X-Version': 'v1' }).end())
    const spec = httpSpec({ headers: { 'x-version': '{version}' } })
    const ask = async (version: string): Promise<string> =>
      (await open().probe(spec, targetAt(server.url, version), patient())).health
    expect([await ask('v1'), await ask('v2'), await ask('v')]).toEqual(['healthy', 'unhealthy', 'unhealthy'])
  })

  test('an answer without the header is unhealthy', async () => {
    await using server = await versionServer('v1')
    const spec = httpSpec({ headers: { 'x-version': '{version}' } })
    expect((await open().probe(spec, targetAt(server.url), patient())).health).toBe('unhealthy')
  })

  test('a right answer that took too long is unhealthy', async () => {
    await using server = await backend((_, res) => void setTimeout(() => res.end(), 200))
    const ask = async (maxLatencyMs: number | null): Promise<string> =>
      (await open().probe(httpSpec({ maxLatencyMs }), targetAt(server.url), patient())).health
    expect([await ask(100), await ask(null)]).toEqual(['unhealthy', 'healthy'])
  })

  test('no answer in time is unhealthy', async () => {
    await using server = await versionServer('v1')
    const spec = httpSpec({ path: '/hold', timeoutMs: 100 })
    const answer = await open().probe(spec, targetAt(server.url), patient())
    expect(answer).toMatchObject({ health: 'unhealthy', message: 'no answer within 100ms' })
    await eventually(() => server.held === 0)
  })

  test.each(['/reset', '/truncated'])('what is broken off at %s is unhealthy', async (path) => {
    await using server = await versionServer('v1')
    expect((await open().probe(httpSpec({ path }), targetAt(server.url), patient())).health).toBe('unhealthy')
  })

  test('a listener that died is seen by the very next probe', async () => {
    const probe = open()
    const server = await versionServer('v1')
    const spec = httpSpec()
    expect((await probe.probe(spec, targetAt(server.url), patient())).health).toBe('healthy')
    await server[Symbol.asyncDispose]()
    expect((await probe.probe(spec, targetAt(server.url), patient())).health).toBe('unhealthy')
  })

  test('a redirect is an answer, and is followed nowhere', async () => {
    await using elsewhere = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    await using server = await backend((_, res) => res.writeHead(302, { location: elsewhere.url }).end())
    expect((await open().probe(httpSpec(), targetAt(server.url), patient())).health).toBe('unhealthy')
    expect(elsewhere.accepted).toBe(0)
  })
}

function connects(open: Open): void {
  test('a port that takes connections is healthy, and is hung up on', async () => {
    await using server = await rawServer(() => {})
    const answer = await open().probe({ kind: 'tcp', timeoutMs: 30_000 }, targetAt(server.url), patient())
    expect(answer.health).toBe('healthy')
    await eventually(() => server.accepted === 1 && server.open === 0)
  })

  test('a port where nobody listens is unhealthy', async () => {
    const target = targetAt(await deadUrl())
    const answer = await open().probe({ kind: 'tcp', timeoutMs: 30_000 }, target, patient())
    expect(answer).toMatchObject({ health: 'unhealthy', message: 'connection refused' })
  })
}

function runsPrograms(open: Open): void {
  const run = async (command: readonly string[], url = 'http://127.0.0.1:4711/'): Promise<ProbeAnswer> =>
    open().probe({ kind: 'command', command, timeoutMs: 30_000 }, targetAt(url), patient())

  test('a program that ends with 0 is healthy', async () => {
    expect((await run(['sh', '-c', 'echo fine; exit 0'])).health).toBe('healthy')
  })

  test('one that ends otherwise is unhealthy, and its last line says why', async () => {
    const answer = await run(['sh', '-c', 'echo first; echo no disk is left >&2; exit 3'])
    expect(answer).toMatchObject({ health: 'unhealthy', message: expect.stringContaining('no disk is left') })
    expect(answer.message).not.toContain('first')
  })

  test('one that is killed is unhealthy', async () => {
    expect((await run(['sh', '-c', 'kill -9 $$'])).health).toBe('unhealthy')
  })

  test('it is told whom to ask', async () => {
    const script = 'echo "$0 $1 $2 $3 $4"; exit 1'
    const told = ['{version}', '{url}', '{host}', '{port}', '{instance}']
    const { message } = await run(['sh', '-c', script, ...told], 'http://127.0.0.1:4711')
    expect(message).toContain('v1 http://127.0.0.1:4711 127.0.0.1 4711 v1-1')
  })

  test('no shell looks at its arguments', async () => {
    const { message } = await run(['sh', '-c', 'echo "$0"; exit 1', '$(echo gone) `id` ; * > x'])
    expect(message).toContain('$(echo gone) `id` ; * > x')
  })

  test('a program that is not there could not be asked', async () => {
    expect((await run(['/nowhere/no-such-program'])).health).toBe('error')
  })

  test('one that takes too long is unhealthy, and is gone with all that it started', async () => {
    await using pulse = await heart()
    const answer = await beyondItsTime(open(), pulse)
    expect(answer).toMatchObject({
      health: 'unhealthy',
      message: expect.stringContaining('no answer within'),
    })
    await eventually(() => pulse.beating === 0)
  })
}

/** The answer of a probe that ran out of time after its program had started another. */
async function beyondItsTime(probe: HealthProbe, pulse: Heart): Promise<ProbeAnswer> {
  for (let timeoutMs = 1_000; ; timeoutMs *= 2) {
    const before = pulse.begun
    const spec = { kind: 'command', command: beating(pulse), timeoutMs } as const
    const answer = await probe.probe(spec, targetAt(pulse.url), patient())
    if (pulse.begun === before + 2) return answer
  }
}

function neverRejects(open: Open): void {
  test.each([
    ['a timeout of NaN', httpSpec({ timeoutMs: Number.NaN })],
    ['a timeout of 0', httpSpec({ timeoutMs: 0 })],
    ['a timeout that no timer can keep', httpSpec({ timeoutMs: 2 ** 31 })],
    ['a timeout without an end', { kind: 'tcp', timeoutMs: Number.POSITIVE_INFINITY }],
    ['a path that is none', httpSpec({ path: 'health' })],
    ['a path that is another place', httpSpec({ path: 'http://127.0.0.1:1/' })],
    ['a path with a line break', httpSpec({ path: '/\r\nx: y' })],
    ['no status', httpSpec({ status: [] })],
    ['a status of NaN', httpSpec({ status: [Number.NaN] })],
    ['a latency of NaN', httpSpec({ maxLatencyMs: Number.NaN })],
    ['no program', { kind: 'command', command: [], timeoutMs: 1_000 }],
    [
      'an argument that no program can be told',
      { kind: 'command', command: ['sh', 'a\0b'], timeoutMs: 1_000 },
    ],
    ['a kind that there is not', { ...httpSpec(), kind: 'guess' } as unknown as ProbeSpec],
  ] satisfies [string, ProbeSpec][])('%s is an error, and nobody is asked', async (_, spec) => {
    await using server = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    expect((await open().probe(spec, targetAt(server.url), patient())).health).toBe('error')
    expect(server.accepted).toBe(0)
  })

  test.each(['', 'nonsense', 'file:///etc/passwd', 'http://user:s3cret@127.0.0.1:1'])(
    'an instance at %j is an error',
    async (url) => {
      const answer = await open().probe(httpSpec(), targetAt(url), patient())
      expect(answer).toMatchObject({ health: 'error', message: expect.not.stringContaining('s3cret') })
    },
  )

  test.each([
    ['a wrong status', (res) => void res.writeHead(503).end('s3cret')],
    ['silence', () => {}],
    ['a broken connection', (res) => void res.destroy()],
  ] satisfies [string, (res: ServerResponse) => void][])(
    'what is asked is not told of %s',
    async (_, answer) => {
      await using server = await backend((_req, res) => answer(res))
      const spec = httpSpec({ path: '/?token=s3cret', timeoutMs: 1_000 })
      const { health, message } = await open().probe(spec, targetAt(server.url), patient())
      expect(health).toBe('unhealthy')
      expect(message).not.toContain('s3cret')
    },
  )
}

function isGivenUp(open: Open): void {
  test('a probe that is given up already is not begun', async () => {
    await using server = await rawServer(() => {})
    const given = { signal: AbortSignal.abort(new Error('never mind')) }
    for (const spec of [httpSpec(), { kind: 'tcp', timeoutMs: 30_000 }] as const) {
      await expect(open().probe(spec, targetAt(server.url), given)).rejects.toThrow('never mind')
    }
    const command = ['sh', '-c', 'exit 0']
    const asked = open().probe({ kind: 'command', command, timeoutMs: 30_000 }, targetAt(server.url), given)
    await expect(asked).rejects.toThrow('never mind')
    expect(server.accepted).toBe(0)
  })

  test('a request that is given up rejects at once, and hangs up', async () => {
    await using server = await versionServer('v1')
    const given = new AbortController()
    const asked = open().probe(httpSpec({ path: '/hold' }), targetAt(server.url), given)
    await eventually(() => server.held === 1)
    given.abort(new Error('never mind'))
    await expect(asked).rejects.toThrow('never mind')
    await eventually(() => server.held === 0)
  })

  test('a program that is given up rejects at once, and is gone with all that it started', async () => {
    await using pulse = await heart()
    const given = new AbortController()
    const spec = { kind: 'command', command: beating(pulse), timeoutMs: 60_000 } as const
    const asked = open().probe(spec, targetAt(pulse.url), given)
    await eventually(() => pulse.beating === 2)
    given.abort(new Error('never mind'))
    await expect(asked).rejects.toThrow('never mind')
    await eventually(() => pulse.beating === 0)
  })
}
