// Releases by the real command: real versions as processes, a real proxy, real requests.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test, vi } from 'vitest'

import { openStore, servicesIn } from '../../src/cli/offline.ts'
import type { RolloutView, ServiceView } from '../../src/engine/view.ts'
import { eventually } from '../../src/testing/traffic-rig.ts'
import { processesIn, type Running, Traffic, type Workplace, workplace } from './command-kit.ts'

// Each of them starts a dozen processes, on a machine that others use, too.
vi.setConfig({ testTimeout: 240_000 })

interface RunDocument {
  readonly exitCode: number
  readonly over: boolean
  readonly rollout: RolloutView
  readonly children: readonly RolloutView[]
  readonly service: ServiceView
}

const CONFIG = [
  'name: shop',
  'strategy: canary',
  'version: v2',
  'stableVersion: v1',
  'trafficSteps: [25, 50]',
  'validationDuration: 1s',
  'healthCheckInterval: 300ms',
  'healthCheckThreshold: 2',
  'window: 500ms',
  'drainTimeout: 2s',
  'checks:',
  '  - errorRate: { max: 0.15, minSamples: 4 }',
  'run:',
  '  command: node shop.mjs',
]
/** A version that fails four requests in ten. */
const BAD = ['versions:', '  v3: { command: node shop.mjs, env: { FAIL: "0.4" } }']
/** Steps that nobody can wait for. */
const ENDLESS = CONFIG.map((line) => line.replace('validationDuration: 1s', 'validationDuration: 20m'))

/** The service as the store has it; undefined before there is one. */
async function serviceIn({ stateDir }: Workplace): Promise<ServiceView | undefined> {
  const store = await openStore(stateDir)
  try {
    return store === null ? undefined : (await servicesIn(store)).find(({ service }) => service === 'shop')
  } finally {
    await store?.close()
  }
}

/** Asks the shop for as long as the scope lasts, as soon as something serves there. */
function traffic(place: Workplace): Traffic {
  return new Traffic(async () => {
    const service = await serviceIn(place).catch(() => undefined)
    return service?.stable == null ? undefined : (service.url ?? undefined)
  })
}

/** Waits until v2 has its part of the traffic. */
async function inTheMiddle(place: Workplace, running: Running): Promise<RolloutView> {
  await running.says('traffic: v1 75%, v2 25%')
  return eventually(async () => (await serviceIn(place))?.rollouts.find(({ version }) => version === 'v2'))
}

/** Opens requests that stay open until the signal, some of them to v2. */
async function hold(url: string, signal: AbortSignal): Promise<void> {
  const answers = await Promise.all(Array.from({ length: 12 }, async () => fetch(`${url}/hold`, { signal })))
  for (const answer of answers) answer.text().catch(() => {})
}

describe('run', () => {
  test('promotes a version that is good, with 0, and leaves it serving until down', async () => {
    const place = await workplace()
    const file = await place.config(CONFIG)
    await using load = traffic(place)
    const { code, stdout, stderr } = await place.sluice(['run', file])
    expect(stderr).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}Z shop-2 canary v1 → v2$/m)
    expect(stderr).toContain('shop-2 traffic: v1 50%, v2 50%')
    expect(stdout).toMatch(/^shop-2 promoted after \S+: shop is served by v2\n0 of [\d,]+ requests failed\n$/)
    expect(code).toBe(0)
    expect(stderr).toContain('`sluice down` stops them')

    const service = await serviceIn(place)
    const answer = await fetch(String(service?.url))
    expect([answer.status, await answer.text()]).toEqual([200, 'v2'])
    expect(load.failed).toBe(0)
    expect([...load.seen.keys()]).toEqual([200])

    // The same again has nothing to do, and says how it was.
    const again = await place.sluice(['run', file, '--json'])
    expect(again.code).toBe(0)
    expect(JSON.parse(again.stdout)).toMatchObject({ exitCode: 0, over: true, rollout: { id: 'shop-2' } })

    const down = await place.sluice(['down', '--json'])
    expect(JSON.parse(down.stdout)).toMatchObject({
      services: [{ service: 'shop', versions: ['v2'] }],
      unfinished: [],
    })
    expect(down.code).toBe(0)
    expect(await processesIn(place.dir)).toEqual([])
    await expect(fetch(String(service?.url))).rejects.toThrow(/fetch failed/)
  })

  test('takes back a version that fails its users, with 10 and the reason', async () => {
    const place = await workplace()
    const file = await place.config([...CONFIG, ...BAD])
    await using load = traffic(place)
    const { code, stdout } = await place.sluice(['run', file, '--version', 'v3', '--json', '--quiet'])
    const { exitCode, rollout, service } = JSON.parse(stdout) as RunDocument
    expect(rollout.outcome).toMatchObject({
      status: 'rolled-back',
      cause: 'metrics-degraded',
      reason: expect.any(String),
    })
    expect([code, exitCode]).toEqual([10, 10])
    expect(service).toMatchObject({ stable: { version: 'v1' }, split: [{ version: 'v1' }], active: null })
    expect(rollout.requests?.failed).toBe(0)
    expect(load.seen.get(500)).toBeGreaterThan(0)
    expect(load.failed).toBe(0)
  })

  test('takes back a version whose critical smoke test fails, with 12', async () => {
    const place = await workplace()
    const file = await place.config([
      ...CONFIG.map((line) => line.replace('strategy: canary', 'strategy: blue-green')).filter(
        (line) => !/trafficSteps|validationDuration/.test(line),
      ),
      'monitoringDuration: 1s',
      'smoke:',
      '  tests: [{ name: broken, http: { path: /broken } }]',
    ])
    await using load = traffic(place)
    const { code, stdout } = await place.sluice(['run', file, '--json'])
    const { rollout, children } = JSON.parse(stdout) as RunDocument
    expect(rollout).toMatchObject({ strategy: 'pipeline', outcome: { cause: 'smoke-test-failure' } })
    expect(children.map(({ strategy }) => strategy)).toEqual(expect.arrayContaining(['smoke', 'rollback']))
    expect(code).toBe(12)
    expect(load.failed).toBe(0)
  })

  test('gives up a first release that can not be run, with 10', async () => {
    const place = await workplace()
    const file = await place.config([
      ...CONFIG.filter((line) => !/stableVersion|node shop/.test(line)),
      '  command: node not-there.mjs',
      'stagingTimeout: 5s',
    ])
    const { code, stdout } = await place.sluice(['run', file])
    expect(stdout).toMatch(/^shop-1 failed after /)
    expect(code).toBe(10)
  })
})

describe('an interrupted run', () => {
  test('takes it back at the first Ctrl-C, and ends with 11', async () => {
    const place = await workplace()
    const running = place.start(['run', await place.config(ENDLESS)])
    await inTheMiddle(place, running)
    // Two at the same moment, as a wrapper passes them on, are one.
    await running.kill('SIGINT')
    await running.kill('SIGTERM')
    const { code, stdout, stderr } = await running.ended
    expect(stderr).toContain('SIGINT: shop-2 is taken back; once more leaves it as it is')
    expect(stdout).toMatch(/^shop-2 rolled-back after .*SIGINT to sluice run \(shop is served by v1\)$/m)
    expect(code).toBe(11)
    expect(await serviceIn(place)).toMatchObject({ active: null, stable: { version: 'v1' } })
  })

  test('leaves it as it is at the second one, and the next run goes on with it', async () => {
    const place = await workplace()
    // Going back lasts as long as the requests that are open on v2, so that there is time for a second one.
    const file = await place.config([...ENDLESS, 'rollbackDrainTimeout: 10m'])
    const running = place.start(['run', file])
    await inTheMiddle(place, running)
    const held = new AbortController()
    await hold(String((await serviceIn(place))?.url), held.signal)
    await running.kill('SIGINT')
    await running.says('rolling-back.draining')
    await running.insist('shop-2 is left in ')
    const { code, stdout, stderr } = await running.ended
    expect(stdout).toContain('shop-2 is left in rolling-back.draining with v1 100%: nobody watches it now')
    expect(stderr).toContain('to go on: sluice run rollout.yaml\nto take it back: sluice abort shop\n')
    expect(code).toBe(130)

    const next = place.start(['run', file])
    await next.says('shop-2 rolling-back.draining')
    held.abort()
    expect(await next.ended).toMatchObject({
      code: 11,
      stdout: expect.stringContaining('shop-2 rolled-back'),
    })
  })

  test('leaves it as it is where the file says so, and needs no controller to be taken back', async () => {
    const place = await workplace()
    const file = await place.config([...ENDLESS, 'onInterrupt: detach'])
    const running = place.start(['run', file])
    await inTheMiddle(place, running)
    await running.kill('SIGTERM')
    const { code, stdout } = await running.ended
    expect(stdout).toContain('shop-2 is left in monitoring with v1 75%, v2 25%: nobody watches it now')
    expect(code).toBe(130)
    expect(await serviceIn(place)).toMatchObject({ active: 'shop-2' })

    const other = await place.sluice(['run', file, '--version', 'v4'])
    expect(other.code).toBe(75)
    expect(other.stderr).toMatch(/^error: shop-2 holds shop: it releases v2$/m)
    const pause = await place.sluice(['pause', 'shop'])
    expect(pause.code).toBe(1)
    expect(pause.stderr).toMatch(/^error: no controller is running in /)
    const status = await place.sluice(['status', 'shop'])
    expect(status.stderr).toContain('no controller is running in ')
    expect(status.stdout).toContain('shop-2')

    const back = await place.sluice(['abort', 'shop', '--reason', 'enough seen'])
    expect(back.stderr).toContain('no controller is running: this command is one until it is done')
    expect(back.stdout).toMatch(/^shop-2 rolled-back after .*: enough seen/)
    expect(back.code).toBe(0)
  })

  test('freezes it where the file says so, and ends with 14', async () => {
    const place = await workplace()
    const running = place.start(['run', await place.config([...ENDLESS, 'onInterrupt: hold'])])
    await inTheMiddle(place, running)
    await running.kill('SIGINT')
    const { code, stdout } = await running.ended
    expect(stdout).toContain('shop-2 is left in paused with v1 75%, v2 25%')
    expect(code).toBe(14)
  })

  test('ends with 13 when the wait is over, and the rollout is not', async () => {
    const place = await workplace()
    const running = place.start(['run', await place.config(ENDLESS), '--timeout', '12s', '--json'])
    const { code, stdout } = await running.ended
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: 13, over: false, rollout: { status: 'active' } })
    expect(code).toBe(13)
  })

  test('is gone on with by the next one after kill -9, and is promoted', async () => {
    const place = await workplace()
    const file = await place.config(
      CONFIG.map((line) => line.replace('validationDuration: 1s', 'validationDuration: 3s')),
    )
    await using load = traffic(place)
    const killed = place.start(['run', file])
    await inTheMiddle(place, killed)
    await killed.kill('SIGKILL')
    const { code, stdout } = await place.sluice(['run', file])
    expect(stdout).toMatch(/^shop-2 promoted after /)
    expect(code).toBe(0)
    expect(load.failed).toBe(0)
    expect([...load.seen.keys()]).toEqual([200])
  })
})

describe('a person at another terminal', () => {
  test('pauses, resumes, promotes and aborts through the control socket', async () => {
    // A path that is too long for a socket: it has to be somewhere else.
    const place = await workplace(`sluice-${'long-'.repeat(20)}`)
    const running = place.start(['run', await place.config(ENDLESS)])
    await inTheMiddle(place, running)

    const paused = await place.sluice(['pause', 'shop', '--json'])
    expect(JSON.parse(paused.stdout)).toMatchObject({ rollout: { id: 'shop-2', state: 'paused' } })
    await running.says('waits for a person')
    const resumed = await place.sluice(['resume', 'shop-2'])
    expect(resumed).toMatchObject({ code: 0, stdout: 'shop-2 monitoring, v1 75%, v2 25%\n' })
    const promoted = await place.sluice(['promote', 'shop', '--full'])
    expect(promoted.code).toBe(0)
    await running.says('traffic: v1 50%, v2 50%')

    const status = await place.sluice(['status', '--json'])
    expect(JSON.parse(status.stdout)).toMatchObject({
      controller: { running: true, pid: running.child.pid, proxy: true },
      services: [{ service: 'shop', active: 'shop-2' }],
    })
    expect((await place.sluice(['down'])).code).toBe(75)
    const wrong = await place.sluice(['resume', 'shop'])
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toMatch(/^error: /)

    const aborted = await place.sluice(['abort', 'shop', '--reason', 'wrong version'])
    expect(aborted.stdout).toMatch(/^shop-2 rolled-back after .*: wrong version/)
    expect(aborted.code).toBe(0)
    const { code, stdout } = await running.ended
    expect(stdout).toContain('wrong version')
    expect(code).toBe(11)
  })

  test('reads the journal line by line', async () => {
    const place = await workplace()
    const file = await place.config(CONFIG)
    await using load = traffic(place)
    expect((await place.sluice(['run', file, '--version', 'v2'])).code).toBe(0)
    expect(load.failed).toBe(0)

    const { stdout } = await place.sluice(['events', '--json'])
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { cursor: number; rollout: string })
    expect(lines.map(({ cursor }) => cursor)).toEqual(lines.map((_, i) => i + 1))
    const half = await place.sluice([
      'events',
      '--json',
      '--since',
      String(lines.length - 3),
      '--rollout',
      'shop',
    ])
    expect(half.stdout.trim().split('\n').length).toBe(3)
    const words = await place.sluice(['events', '--rollout', 'shop-2'])
    expect(words.stdout).toMatch(/^\S+Z shop-2 traffic\.shifted \(v1 50%, v2 50%\) -> monitoring$/m)
    expect(words.stdout).not.toContain('shop-1')
  })

  test('rolls back what was promoted, and sees it in the journal as it grows', async () => {
    const place = await workplace()
    const file = await place.config(CONFIG)
    await using load = traffic(place)
    expect((await place.sluice(['run', file])).code).toBe(0)
    expect(load.failed).toBe(0)

    const following = place.start(['events', '--follow', '--json', '--since', '0'])
    const back = await place.sluice(['rollback', 'shop', '--reason', 'second thoughts', '--json'])
    expect(JSON.parse(back.stdout)).toMatchObject({
      rollout: { strategy: 'rollback', outcome: { status: 'rolled-back' } },
    })
    expect(back.code).toBe(0)
    await following.prints('"state":"rolled-back"')
    await following.kill('SIGINT')
    expect((await following.ended).code).toBe(0)
    expect(await serviceIn(place)).toMatchObject({ stable: { version: 'v1' }, split: [{ version: 'v1' }] })

    const unknown = await place.sluice(['rollback', 'shop', '--to', 'v9'])
    expect(unknown.code).toBe(2)
    expect(unknown.stderr).toContain('v9 was never a good version of shop')

    const list = await place.sluice(['list'])
    expect(list.stdout).toMatch(/^shop-3 +rollback +v1 +rolled-back /m)
    const log = await readFile(join(place.stateDir, 'sluice.log'), 'utf8')
    for (const line of log.trim().split('\n').filter(Boolean))
      expect(JSON.parse(line)).toMatchObject({ msg: expect.any(String) })
  })
})
