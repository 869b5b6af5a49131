import { createHash, randomBytes } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import type { Route } from '../engine/ports.ts'
import { eventually, type RouterUnderTest, SERVICE, type TrafficRig, trafficRig } from './traffic-rig.ts'

export type { RouterUnderTest } from './traffic-rig.ts'

type Open = () => Promise<RouterUnderTest>
type Rig = TrafficRig<RouterUnderTest>

const FLIPS = 50
/** In place of a confirmed change: one is under way, and either version is right. */
const CHANGING = -1

/**
 * What every TrafficRouter promises, checked with real requests between real servers. Adapter authors call it in a
 * vitest test file of their own; `open` starts a router that routes nothing yet.
 */
export function routerContract(name: string, open: Open): void {
  describe(`${name} keeps the TrafficRouter contract`, () => {
    splits(open)
    generations(open)
    confirms(open)
    drains(open)
    carries(open)
  })
}

function splits(open: Open): void {
  test.each([0, 1, 10, 50, 100])(
    'at %i percent, that share of requests reaches the version',
    async (percent) => {
      const rig = await trafficRig(open)
      await rig.shift(percent)

      const asked = 1_000
      const seen = await rig.askMany(asked)

      const got = seen.get('200 v2') ?? 0
      expect(got + (seen.get('200 v1') ?? 0)).toBe(asked)
      expect(Math.abs(got - (asked * percent) / 100)).toBeLessThanOrEqual(tolerance(rig, asked, percent))
    },
  )

  test('a route without backends is answered with 503', async () => {
    const rig = await trafficRig(open)
    await rig.apply({ ...rig.route({ claim: 1, n: 1 }, 0), backends: [] })

    const answer = await fetch(rig.url)
    expect(answer.status).toBe(503)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  test(`${FLIPS} changes under load fail no request, and each request after a confirmation follows it`, async () => {
    const rig = await trafficRig(open)
    const wrong = await flipUnderLoad(rig)
    expect(wrong).toEqual({ failed: 0, late: 0 })
  })
}

/** Nothing and all are exact; in between five standard deviations of a coin, and the router's own steps. */
function tolerance({ under }: Rig, asked: number, percent: number): number {
  if (percent === 0 || percent === 100) return 0
  const share = percent / 100
  return 5 * Math.sqrt(asked * share * (1 - share)) + (asked * under.router.capabilities.granularity) / 10_000
}

interface Flips {
  failed: number
  /** Served by another version than the one confirmed before the request started. */
  late: number
}

async function flipUnderLoad(rig: Rig): Promise<Flips> {
  const wrong: Flips = { failed: 0, late: 0 }
  const state = { version: 'v1', confirmed: 0, running: true }
  const client = async (): Promise<void> => {
    while (state.running) {
      const { version, confirmed } = state
      const { status, body } = await rig.ask()
      if (status !== 200 || body === null) wrong.failed += 1
      else if (confirmed === state.confirmed && confirmed !== CHANGING && body !== version) wrong.late += 1
    }
  }
  await rig.shift(0)
  const clients = Array.from({ length: 6 }, client)
  for (let flip = 1; flip <= FLIPS; flip++) {
    state.confirmed = CHANGING
    await rig.shift(flip % 2 === 1 ? 100 : 0)
    Object.assign(state, { version: flip % 2 === 1 ? 'v2' : 'v1', confirmed: flip })
    await Promise.all([rig.ask(), rig.ask()])
  }
  state.running = false
  await Promise.all(clients)
  return wrong
}

function generations(open: Open): void {
  test.each([
    { generation: { claim: 6, n: 9 }, because: 'an older claim' },
    { generation: { claim: 7, n: 2 }, because: 'an older number of the same claim' },
  ])('$because is refused as stale, and changes nothing', async ({ generation }) => {
    const rig = await trafficRig(open)
    const inForce = await rig.apply(rig.route({ claim: 7, n: 3 }, 100))

    await expect(rig.under.router.apply(rig.route(generation, 0), rig.options)).rejects.toMatchObject({
      code: 'ROUTER_STALE_GENERATION',
    })

    expect(await rig.under.router.read(SERVICE, rig.options)).toEqual(inForce)
    expect(await rig.askMany(20)).toEqual(new Map([['200 v2', 20]]))
  })

  test('the same generation with another split is refused, and changes nothing', async () => {
    const rig = await trafficRig(open)
    await rig.apply(rig.route({ claim: 1, n: 1 }, 0))

    await expect(rig.apply(rig.route({ claim: 1, n: 1 }, 100))).rejects.toMatchObject({
      code: 'ROUTER_STALE_GENERATION',
    })

    expect(await rig.askMany(20)).toEqual(new Map([['200 v1', 20]]))
  })

  test('the same generation again is harmless, and an instance may have moved', async () => {
    const rig = await trafficRig(open)
    const route = rig.route({ claim: 1, n: 1 }, 0)
    const first = await rig.apply(route)
    expect(await rig.apply(route)).toEqual(first)

    const [v1, v2] = route.backends
    if (v1 === undefined || v2 === undefined) throw new RangeError('a route of two versions')
    await rig.apply({ ...route, backends: [{ ...v1, endpoints: v2.endpoints }, v2] })

    expect(await rig.askMany(20)).toEqual(new Map([['200 v2', 20]]))
  })

  test('of two changes at the same time, the newer is in force when both are through', async () => {
    const rig = await trafficRig(open)
    await rig.shift(0)
    const changes = [rig.route({ claim: 3, n: 1 }, 100), rig.route({ claim: 2, n: 1 }, 50)]

    await Promise.allSettled(changes.map(async (route) => rig.under.router.apply(route, rig.options)))

    expect((await rig.under.router.read(SERVICE, rig.options))?.generation).toEqual({ claim: 3, n: 1 })
    expect(await rig.askMany(20)).toEqual(new Map([['200 v2', 20]]))
  })
}

function confirms(open: Open): void {
  test('what is read back is what was applied, with the real port', async () => {
    const rig = await trafficRig(open)
    const wanted = rig.route({ claim: 4, n: 2 }, 12.5)
    const applied = await rig.apply(wanted)

    expect(applied).toEqual({ ...wanted, listen: { ...wanted.listen, port: expect.any(Number) } })
    expect(applied.listen.port).toBeGreaterThan(0)
    expect(await rig.under.router.read(SERVICE, rig.options)).toEqual(applied)
  })

  test('the port stays through later changes', async () => {
    const rig = await trafficRig(open)
    const { listen } = await rig.shift(0)
    expect((await rig.shift(50)).listen).toEqual(listen)
  })

  test('an unknown service reads as null', async () => {
    const rig = await trafficRig(open)
    expect(await rig.under.router.read('nobody', rig.options)).toBe(null)
  })

  test('a removed service is unknown, not listened for, and can be removed again', async () => {
    const rig = await trafficRig(open)
    await rig.shift(0)
    await rig.under.router.remove(SERVICE, rig.options)
    await rig.under.router.remove(SERVICE, rig.options)

    expect(await rig.under.router.read(SERVICE, rig.options)).toBe(null)
    expect(await rig.ask()).toEqual({ status: 0, body: null })
  })

  test('a call that was given up rejects', async () => {
    const rig = await trafficRig(open)
    const route: Route = rig.route({ claim: 1, n: 1 }, 0)
    const given = AbortSignal.abort(new Error('never mind'))
    await expect(rig.under.router.apply(route, { signal: given })).rejects.toThrow('never mind')
  })
}

function drains(open: Open): void {
  test('a drain waits for a request that takes long, and cuts nothing', async () => {
    const rig = await trafficRig(open)
    await rig.shift(0)
    const slow = rig.ask('/hold')
    await eventually(() => rig.v1.held === 1)
    await rig.shift(100)

    let drained = false
    const drain = rig.under.router.drain({ service: SERVICE, version: 'v1', ms: 30_000 }, rig.options)
    void drain.then(() => (drained = true))
    if (rig.under.router.capabilities.drain === 'exact') {
      await rig.askMany(20)
      expect(drained).toBe(false)
    }
    rig.v1.release()

    expect(await drain).toEqual({ cut: 0 })
    expect(await slow).toEqual({ status: 200, body: 'v1' })
  })

  test('at its deadline a drain cuts what is left, and says how much', async () => {
    const rig = await trafficRig(open)
    await rig.shift(0)
    const slow = [rig.ask('/hold'), rig.ask('/hold')]
    await eventually(() => rig.v1.held === 2)
    await rig.shift(100)

    expect(await rig.under.router.drain({ service: SERVICE, version: 'v1', ms: 50 }, rig.options)).toEqual({
      cut: 2,
    })
    for (const { status } of await Promise.all(slow)) expect(status).not.toBe(200)
    expect(await rig.askMany(20)).toEqual(new Map([['200 v2', 20]]))
  })

  test('a drain of a version that nobody uses is over at once', async () => {
    const rig = await trafficRig(open)
    await rig.shift(0)
    const { router } = rig.under
    if (router.capabilities.drain !== 'exact') return
    expect(await router.drain({ service: SERVICE, version: 'v2', ms: 60_000 }, rig.options)).toEqual({
      cut: 0,
    })
  })
}

function carries(open: Open): void {
  test('a large body goes through byte by byte, both ways', async () => {
    const rig = await trafficRig(open)
    await rig.shift(0)
    const body = randomBytes(16 << 20)

    const answer = await fetch(`${rig.url}/echo`, { method: 'POST', body })

    expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(sha256(body))
  })
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
