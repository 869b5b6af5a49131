import { describe, expect, test } from 'vitest'

import { add, NO_COUNTS, requestsOf } from '../../src/analysis/sample.ts'
import { totalOf } from '../../src/engine/ledger.ts'
import type { SimulatedWorld } from '../../src/testing/simulated/world.ts'
import {
  canarySpec,
  controllerOf,
  ended,
  pipelineSpec,
  reaches,
  releasing,
  SECOND,
  smokeSpec,
} from './kit.ts'

/** What the world itself counted under one claim, until now. */
function counted({ traffic }: SimulatedWorld, claim: number) {
  const rows = traffic.counts('shop', claim).filter(({ generation }) => generation.claim === claim)
  const of = (version: string) =>
    rows.filter((row) => row.version === version).reduce((sum, row) => add(sum, row.counts), NO_COUNTS)
  return { total: rows.reduce((sum, { counts }) => sum + requestsOf(counts), 0), of }
}

describe('the ledger of a pipeline', () => {
  test('is that of its release, and goes on until the old version is drained', async () => {
    const { world, engine, id } = await releasing(pipelineSpec('v2'))
    world.router.drainFault = { slowMs: SECOND }
    await reaches(world, engine, { id: `${id}/deploy/1`, state: 'monitoring' })
    await world.clock.advance(5 * SECOND)
    expect(engine.rollout(id).requests).toEqual(engine.rollout(`${id}/deploy/1`).requests)
    expect(engine.rollout(id).requests?.total).toBeGreaterThan(300)
    await reaches(world, engine, { id, state: 'retiring.draining' })
    await world.clock.advance(SECOND)
    const { total } = counted(world, 3)
    const { requests, steps } = await ended(world, engine, id)
    expect(requests).toEqual(totalOf(steps))
    expect(requests?.total).toBe(total)
    expect(total).toBeGreaterThan(engine.rollout(`${id}/deploy/1`).requests?.total ?? total)
  })

  test('is that of its release and its rollback together', async () => {
    const { world, engine, id } = await releasing(pipelineSpec('v2'))
    world.tests.resultOf = () => 'failed'
    const { steps } = await ended(world, engine, id)
    const children = [`${id}/deploy/1`, `${id}/rollback/1`].map((child) => engine.rollout(child).steps)
    expect(steps).toEqual(children.flat())
    expect(new Set(steps.map(({ generation }) => generation.claim))).toEqual(new Set([3, 4]))
  })
})

describe('the ledger of a rollout', () => {
  test('counts every request that started since its first change of traffic, until the drain is confirmed', async () => {
    const { world, engine, id } = await releasing(
      canarySpec('v2', { times: { retireMs: 0, drainMs: SECOND } }),
    )
    world.router.drainFault = { slowMs: SECOND }
    await reaches(world, engine, { id, state: 'retiring.draining' })
    // The drain is confirmed a second after it was asked for.
    await world.clock.advance(SECOND)
    const { total } = counted(world, 2)
    const { requests } = await ended(world, engine, id)
    expect(requests?.total).toBe(total)
    expect(requests?.complete).toBe(true)
    expect(total).toBeGreaterThan(2_500)
  })

  test('counts nothing of what came before it', async () => {
    const { world, engine, id } = await releasing()
    await world.clock.advance(0)
    const { requests } = await ended(world, engine, id)
    const before = counted(world, 1).total
    expect(before).toBeGreaterThan(0)
    expect(requests?.total).toBeLessThanOrEqual(counted(world, 2).total)
    expect(requests?.versions.map(({ version }) => version).toSorted()).toEqual(['v1', 'v2'])
  })

  test('has the failed requests of a release that was taken back', async () => {
    const { world, engine, id } = await releasing()
    world.version('v2', { errorRate: 0.5 })
    const { requests } = await ended(world, engine, id)
    const v2 = requests?.versions.find(({ version }) => version === 'v2')
    expect(v2?.appErrors).toBe(counted(world, 2).of('v2').served[4])
    expect(v2?.appErrors).toBeGreaterThan(0)
  })

  test('has one part for each change of traffic, which add up to the whole', async () => {
    const { world, engine, id } = await releasing()
    const { steps, requests } = await ended(world, engine, id)
    expect(steps.map(({ generation }) => generation.n)).toEqual([1, 2, 3, 4])
    expect(totalOf(steps)).toEqual(requests)
    expect(steps.reduce((sum, { ledger }) => sum + ledger.total, 0)).toBe(requests?.total)
  })

  test('goes on over a restart of the controller', async () => {
    const { world, engine, id, controller } = await releasing(
      canarySpec('v2', { times: { retireMs: 0, drainMs: SECOND } }),
    )
    await reaches(world, engine, { id, state: 'monitoring' })
    controller.crash()
    await world.clock.advance(60 * SECOND)
    const next = (await controllerOf(world)).engine
    const { requests } = await ended(world, next, id)
    // Also the minute in which nobody was there has 6,000 requests.
    expect(requests?.total).toBeGreaterThan(8_000)
    expect(requests?.complete).toBe(true)
  })

  test('that can not be read is marked incomplete, and holds nobody up', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    await world.clock.advance(3 * SECOND)
    world.metrics.countsFault = 'hang'
    const view = await ended(world, engine, id)
    expect(view.outcome?.status).toBe('promoted')
    expect(view.requests?.complete).toBe(false)
  })

  test('of a rollout that changes no traffic is null', async () => {
    const { world, engine } = await releasing()
    const { requests, steps } = await ended(world, engine, await engine.start(smokeSpec(['works'])))
    expect({ requests, steps }).toEqual({ requests: null, steps: [] })
  })
})
