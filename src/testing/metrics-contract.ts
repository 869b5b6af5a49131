import { describe, expect, test } from 'vitest'

import { size } from '../analysis/histogram.ts'
import { add, type Counts, type MetricsWindow, NO_COUNTS, requestsOf } from '../analysis/sample.ts'
import type { Generation } from '../events/generation.ts'
import { eventually, type MeteredRouter, SERVICE, type TrafficRig, trafficRig } from './traffic-rig.ts'

export type { MeteredRouter } from './traffic-rig.ts'

type Open = () => Promise<MeteredRouter>
type Rig = TrafficRig<MeteredRouter>

const FIRST: Generation = { claim: 1, n: 1 }

/**
 * What every MetricsSource promises: what real requests did is what is counted. Adapter authors call it in a vitest test
 * file of their own; `open` starts a router with its metrics, with nothing routed yet.
 */
export function metricsContract(name: string, open: Open): void {
  describe(`${name} keeps the MetricsSource contract`, () => {
    endings(open)
    attribution(open)
    windows(open)
  })
}

function endings(open: Open): void {
  test('complete answers are counted by status class, with their latency', async () => {
    const rig = await trafficRig(open)
    await rig.shift(0)
    for (const [status, times] of [
      [200, 4],
      [302, 3],
      [404, 2],
      [500, 1],
    ] as const) {
      for (let i = 0; i < times; i++) await rig.ask(`/status/${status}`, { redirect: 'manual' })
    }

    const counts = await settled(rig, 10)
    expect({ ...counts, latency: size(counts.latency) }).toEqual({
      ...NO_COUNTS,
      served: [0, 4, 3, 2, 1],
      latency: 10,
    })
  })

  test.each(['/reset', '/truncated'])('what the version breaks off at %s is failed', async (path) => {
    const rig = await trafficRig(open)
    await rig.shift(0)
    for (let i = 0; i < 5; i++) await rig.ask(path, { method: 'POST' })
    expect(await settled(rig, 5)).toEqual({ ...NO_COUNTS, failed: 5 })
  })

  test('what a version does not even accept is failed', async () => {
    const rig = await trafficRig(open)
    await rig.shift(0)
    await rig.v1[Symbol.asyncDispose]()
    await rig.askMany(5)
    expect(await settled(rig, 5)).toEqual({ ...NO_COUNTS, failed: 5 })
  })

  test('what a client gives up is neither served nor failed', async () => {
    const rig = await trafficRig(open)
    await rig.shift(0)
    const given = new AbortController()
    const asked = rig.ask('/hold', { signal: given.signal })
    await eventually(() => rig.v1.held === 1)
    given.abort()
    await asked

    const counts = await eventually(async () => {
      const now = await lifetime(rig, 'v1')
      return now.inFlight === 0 && now
    })
    expect(counts).toEqual({ ...NO_COUNTS, clientAborts: 1 })
  })

  test('what is open is in flight, and what a drain cuts is cut', async () => {
    const rig = await trafficRig(open)
    await rig.shift(0)
    const asked = rig.ask('/hold')
    await eventually(() => rig.v1.held === 1)
    expect(await lifetime(rig, 'v1')).toEqual({ ...NO_COUNTS, inFlight: 1 })

    await rig.shift(100)
    await rig.under.router.drain({ service: SERVICE, version: 'v1', ms: 1 }, rig.options)
    await asked
    expect(await lifetime(rig, 'v1')).toEqual({ ...NO_COUNTS, cut: 1 })
  })
}

function attribution(open: Open): void {
  test('each generation and version has counts of its own', async () => {
    const rig = await trafficRig(open)
    await rig.apply(rig.route(FIRST, 0))
    await rig.askMany(10)
    await rig.apply(rig.route({ claim: 1, n: 2 }, 50))
    await rig.askMany(20)
    await rig.apply(rig.route({ claim: 2, n: 1 }, 100))
    await rig.askMany(30)

    expect(await served(rig, 1)).toEqual({ '1.1 v1': 10, '1.2 v1': 10, '1.2 v2': 10, '2.1 v2': 30 })
    expect(await served(rig, 2)).toEqual({ '2.1 v2': 30 })
  })

  test('a request is counted under the generation in which it started', async () => {
    const rig = await trafficRig(open)
    await rig.apply(rig.route(FIRST, 0))
    const slow = rig.ask('/hold')
    await eventually(() => rig.v1.held === 1)
    await rig.apply(rig.route({ claim: 2, n: 1 }, 0))
    rig.v1.release()
    await slow

    await settled(rig, 1)
    expect(await served(rig, 1)).toEqual({ '1.1 v1': 1 })
  })

  test('however many claims there were, nothing is lost of the total', async () => {
    const rig = await trafficRig(open)
    for (let claim = 1; claim <= 6; claim++) {
      await rig.apply(rig.route({ claim, n: 1 }, 0))
      await rig.askMany(5)
    }
    await settled(rig, 30)
    expect(requestsOf(await lifetime(rig, 'v1'))).toBe(30)
  })
}

function windows(open: Open): void {
  test('the windows add up to the total, and name each routed version', async () => {
    const rig = await trafficRig(open)
    await rig.shift(10)
    const seen: MetricsWindow[] = []
    const watching = rig.under.metrics
      .windows({ service: SERVICE, windowMs: 50 })
      .subscribe((window) => seen.push(window))
    await eventually(() => seen.length > 0)

    await rig.askMany(200)
    await eventually(() => total(seen, 'v1') + total(seen, 'v2') === 200)
    watching.unsubscribe()
    const emitted = seen.length
    await rig.askMany(10)

    expect(seen).toHaveLength(emitted)
    expect([total(seen, 'v1'), total(seen, 'v2')]).toEqual([
      requestsOf(await lifetime(rig, 'v1')) - 9,
      requestsOf(await lifetime(rig, 'v2')) - 1,
    ])
    for (const { samples } of seen)
      expect(samples.map(({ version }) => version).toSorted()).toEqual(['v1', 'v2'])
    for (const [i, { from, ms }] of seen.entries()) {
      expect(from + ms).toBeLessThanOrEqual(seen[i + 1]?.from ?? Infinity)
    }
  })
}

/** All that was ever counted of a version. */
async function lifetime(rig: Rig, version: string): Promise<Counts> {
  const counts = await rig.under.metrics.counts({ service: SERVICE, claim: 0 }, rig.options)
  return counts
    .filter((each) => each.version === version)
    .reduce((sum, each) => add(sum, each.counts), NO_COUNTS)
}

/** The counts of v1, once as many requests as were made have ended. */
async function settled(rig: Rig, requests: number): Promise<Counts> {
  return eventually(async () => {
    const counts = await lifetime(rig, 'v1')
    return requestsOf(counts) >= requests && counts
  })
}

async function served(rig: Rig, claim: number): Promise<Record<string, number>> {
  const counts = await rig.under.metrics.counts({ service: SERVICE, claim }, rig.options)
  const named = counts.map((each) => {
    const { generation, version } = each
    return [`${generation.claim}.${generation.n} ${version}`, each.counts.served[1]] as const
  })
  return Object.fromEntries(named.filter(([, n]) => n > 0))
}

function total(seen: readonly MetricsWindow[], version: string): number {
  const samples = seen.flatMap((window) => window.samples).filter((sample) => sample.version === version)
  return samples.reduce((sum, { counts }) => sum + requestsOf(counts), 0)
}
