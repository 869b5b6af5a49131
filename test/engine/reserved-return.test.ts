import { describe, expect, test } from 'vitest'

import type { Engine } from '../../src/engine/engine.ts'
import type { StoreFault } from '../../src/testing/simulated/store.ts'
import type { SimulatedWorld } from '../../src/testing/simulated/world.ts'
import {
  blueGreenSpec,
  canarySpec,
  controllerOf,
  ended,
  pipelineSpec,
  reaches,
  releasing,
  SECOND,
  until,
} from './kit.ts'

/** A canary of v2 that gets 25 % of the traffic of `shop`. */
async function atTwentyFive(changed = {}) {
  const all = await releasing(canarySpec('v2', { bakeMs: 60 * SECOND, steps: [25, 50, 100], ...changed }))
  await reaches(all.world, all.engine, { id: all.id, state: 'monitoring' })
  expect(all.world.router.percentOf('shop', 'v2')).toBe(25)
  return all
}

function v2(world: SimulatedWorld): number {
  return world.router.percentOf('shop', 'v2')
}

/** The store works again: the journal agrees with the router, and the rollout ends. */
async function recovers(world: SimulatedWorld, engine: Engine, id: string): Promise<void> {
  world.store.fault = 'none'
  const view = await ended(world, engine, id)
  expect(view.outcome?.status).toBe('rolled-back')
  expect(v2(world)).toBe(0)
  const { generation, split } = engine.service('shop')
  const inForce = world.router.inForce('shop')
  expect(inForce?.generation).toEqual(generation)
  expect(inForce?.backends.map(({ version, weight }) => ({ version, weight }))).toEqual(split)
}

const faults: readonly StoreFault[] = ['refuse', 'hang', 'lose-answer', 'ambiguous-lost']

describe('while the store does not answer', () => {
  test.each(faults)(
    '(%o) an abort takes all traffic back at once, and is journalled afterwards',
    async (fault) => {
      const { world, engine, id } = await atTwentyFive()
      world.store.fault = fault
      const aborting = engine.send(id, { type: 'abort.requested', reason: 'it hurts' })
      await world.clock.advance(SECOND)
      expect(v2(world)).toBe(0)

      await world.clock.advance(20 * SECOND)
      await recovers(world, engine, id)
      await aborting
      expect(engine.rollout(id).outcome).toMatchObject({ cause: 'abort', reason: 'it hurts' })
    },
  )

  test.each(faults)('(%o) a failing verdict takes all traffic back at once', async (fault) => {
    const { world, engine, id } = await atTwentyFive()
    world.store.fault = fault
    world.version('v2', { errorRate: 0.9 })
    // One window, and what is left of the one that is under way.
    await world.clock.advance(3 * SECOND)
    expect(v2(world)).toBe(0)
    await recovers(world, engine, id)
    expect(engine.rollout(id).outcome?.cause).toBe('metrics-degraded')
  })

  test.each(faults)('(%o) the death of an instance takes all traffic back at once', async (fault) => {
    const { world, engine, id } = await atTwentyFive()
    world.store.fault = fault
    world.platform.exit('shop', 'v2')
    await world.clock.advance(SECOND)
    expect(v2(world)).toBe(0)
    await recovers(world, engine, id)
  })

  test('an abort does not wait behind an append that hangs', async () => {
    const { world, engine, id } = await atTwentyFive()
    world.store.fault = 'hang'
    // It is asked before, and finds the rollout on its way back.
    const pausing = expect(engine.send(id, { type: 'pause.requested' })).rejects.toMatchObject({
      code: 'EVENT_REFUSED',
    })
    await world.clock.advance(100)
    const aborting = engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(SECOND)
    expect(v2(world)).toBe(0)
    await recovers(world, engine, id)
    await aborting
    await pausing
  })

  test('an abort that came while the store still seemed well is found waiting', async () => {
    const { world, engine, id } = await atTwentyFive()
    world.store.fault = 'hang'
    void engine.send(id, { type: 'pause.requested' }).catch(() => {})
    const aborting = engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(0)
    expect(v2(world)).toBe(25)
    await world.clock.advance(300)
    expect(v2(world)).toBe(0)
    await recovers(world, engine, id)
    await aborting
  })

  test('a step forward that is written late moves nothing forward over the return', async () => {
    const { world, engine, id } = await atTwentyFive()
    world.store.fault = { slowMs: 3 * SECOND }
    const promoting = engine.send(id, { type: 'promote.requested' })
    await world.clock.advance(100)
    const aborting = engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(SECOND)
    expect(v2(world)).toBe(0)
    const changes = world.router.changes.length
    world.store.fault = 'none'
    await recovers(world, engine, id)
    await Promise.all([promoting, aborting])
    const after = world.router.changes.slice(changes).map(({ route }) => route.backends)
    expect(after.flat().filter(({ version, weight }) => version === 'v2' && weight > 0)).toEqual([])
  })

  test('also a router that does not refuse what is old is not moved forward over the return', async () => {
    const { world, engine, id } = await releasing(
      canarySpec('v2', { bakeMs: 60 * SECOND, steps: [25, 50, 100] }),
      { fences: false },
    )
    await reaches(world, engine, { id, state: 'monitoring' })
    world.store.fault = { slowMs: 3 * SECOND }
    void engine.send(id, { type: 'promote.requested' })
    await world.clock.advance(100)
    void engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(SECOND)
    expect(v2(world)).toBe(0)
    const changes = world.router.changes.length
    world.store.fault = 'none'
    await recovers(world, engine, id)
    const after = world.router.changes.slice(changes).map(({ route }) => route.backends)
    expect(after.flat().filter(({ version, weight }) => version === 'v2' && weight > 0)).toEqual([])
  })

  test('a return whose call hangs is asked for again', async () => {
    const { world, engine, id } = await atTwentyFive()
    world.store.fault = 'hang'
    world.router.fault = 'hang'
    void engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(5 * SECOND)
    world.router.fault = 'none'
    await world.clock.advance(10 * SECOND)
    expect(v2(world)).toBe(0)
    await recovers(world, engine, id)
  })

  test.each(faults)('(%o) a return that was confirmed is not asked for over and over', async (fault) => {
    const { world, engine, id } = await atTwentyFive()
    const asked = world.router.asked.length
    world.store.fault = fault
    void engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(60 * SECOND)
    // Once for the return itself, and once by the machine where the step turns out written.
    expect(world.router.asked.length - asked).toBeLessThanOrEqual(2)
  })

  test('what is not a return waits: nothing else is done unjournalled', async () => {
    const { world, engine, id } = await atTwentyFive()
    const asked = world.router.asked.length
    world.store.fault = 'hang'
    void engine.send(id, { type: 'promote.requested' })
    await world.clock.advance(20 * SECOND)
    expect(world.router.asked).toHaveLength(asked)
    world.store.fault = 'none'
    await world.clock.advance(10 * SECOND)
    expect(v2(world)).toBe(50)
  })

  test('before its first percent there is nothing to take back', async () => {
    const { world, engine, id } = await releasing()
    world.version('v2', { health: 'unhealthy' })
    await world.clock.advance(SECOND)
    world.store.fault = 'hang'
    const asked = world.router.asked.length
    void engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(SECOND)
    expect(world.router.asked).toHaveLength(asked)
    world.store.fault = 'none'
    expect((await ended(world, engine, id)).outcome?.status).toBe('rolled-back')
  })

  test('a version that can not be undone stays where it is', async () => {
    const { world, engine, id } = await atTwentyFive({ reversible: false })
    world.store.fault = 'hang'
    world.version('v2', { errorRate: 0.9 })
    await world.clock.advance(5 * SECOND)
    expect(v2(world)).toBe(25)
    world.store.fault = 'none'
    await reaches(world, engine, { id, state: 'frozen' })
  })

  test('a pipeline that was released and fails later has the return of its release', async () => {
    const spec = pipelineSpec('v2', { release: blueGreenSpec('v2', { keepStable: true }) })
    const { world, engine, id } = await releasing(spec)
    world.tests.resultOf = () => 'hang'
    await reaches(world, engine, { id, state: 'verifying' })
    await world.clock.advance(SECOND)
    world.store.fault = 'hang'
    void engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(SECOND)
    expect(v2(world)).toBe(0)
    await recovers(world, engine, id)
  })

  test('a pipeline whose rollback can not even be begun has the return of its release', async () => {
    const spec = pipelineSpec('v2', { release: blueGreenSpec('v2', { keepStable: true }) })
    const { world, engine, id } = await releasing(spec)
    world.tests.resultOf = () => 'failed'
    world.store.before = ({ entry }) => {
      if (entry.rollout === `${id}/rollback/1`) world.store.fault = 'hang'
    }
    await until(world, () => world.store.fault === 'hang')
    await world.clock.advance(SECOND)
    expect(v2(world)).toBe(0)
    world.store.before = () => {}
    await recovers(world, engine, id)
  })

  test('a promotion that turns out written gives way to the return that was made meanwhile', async () => {
    const spec = pipelineSpec('v2', { release: blueGreenSpec('v2', { keepStable: true }), smoke: null })
    const { world, engine, id } = await releasing(spec)
    const child = `${id}/deploy/1`
    let isLast = false
    world.store.before = ({ entry }) => {
      if (entry.rollout !== child || entry.state !== 'promoted' || isLast) return
      isLast = true
      world.store.fault = { slowMs: 3 * SECOND }
      setImmediate(() => void engine.send(child, { type: 'abort.requested' }).catch(() => {}))
    }
    await until(world, () => isLast)
    await world.clock.advance(SECOND)
    expect(v2(world)).toBe(0)
    world.store.fault = 'none'
    await until(world, () => engine.service('shop').active === null)
    expect(v2(world)).toBe(0)
    expect(engine.service('shop').stable?.version).toBe('v1')
  })
})

describe('a return that was applied and never journalled, because the controller died', () => {
  test('is found by the next one, which goes back too', async () => {
    const { world, engine, id, controller } = await atTwentyFive()
    world.store.fault = 'hang'
    void engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(SECOND)
    expect(v2(world)).toBe(0)
    controller.crash()
    world.store.fault = 'none'
    await world.clock.advance(SECOND)
    const next = await controllerOf(world)
    await recovers(world, next.engine, id)
  })
})
