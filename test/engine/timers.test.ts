import { describe, expect, test } from 'vitest'

import {
  canarySpec,
  controllerOf,
  DAY,
  ended,
  MINUTE,
  reaches,
  releasing,
  SECOND,
  smokeSpec,
  stable,
  worldAndEngine,
} from './kit.ts'

const GOING_BACK = /^roll(?:ing|ed)-back/

describe('a timer', () => {
  test('rings when it is due: a version that never gets healthy is given up', async () => {
    const { world, engine } = await worldAndEngine()
    await stable(world, engine, canarySpec('v1'))
    world.version('v2', { health: 'unhealthy' })
    const id = await engine.start(canarySpec('v2', { times: { stagingMs: MINUTE } }))
    await world.clock.advance(MINUTE - 1)
    expect(engine.rollout(id).state).toBe('staging')
    await world.clock.advance(1)
    expect(engine.rollout(id).state).toMatch(GOING_BACK)
  })

  test('of 40 days rings after 40 days, and not before', async () => {
    const { world, engine } = await worldAndEngine()
    world.tests.resultOf = () => 'hang'
    const [works] = smokeSpec(['works']).tests
    const tests = works === undefined ? [] : [{ ...works, timeoutMs: 50 * DAY }]
    const id = await engine.start(smokeSpec([], { tests, budgetMs: 40 * DAY }))
    await world.clock.advance(40 * DAY - 1)
    expect(engine.rollout(id).state).toBe('verifying')
    await world.clock.advance(1)
    expect(engine.rollout(id)).toMatchObject({ status: 'ended', outcome: { status: 'failed' } })
  })

  test('survives a restart, and counts only the time in which a controller was there', async () => {
    const { world, engine, controller } = await worldAndEngine()
    await stable(world, engine, canarySpec('v1'))
    world.version('v2', { health: 'unhealthy' })
    const id = await engine.start(canarySpec('v2', { times: { stagingMs: MINUTE } }))
    controller.crash()
    await world.clock.advance(10 * MINUTE)
    const next = (await controllerOf(world)).engine
    await world.clock.advance(MINUTE - 1)
    expect(next.rollout(id).state).toBe('staging')
    await world.clock.advance(1)
    expect(next.rollout(id).state).toMatch(GOING_BACK)
  })

  test.each([-60 * MINUTE, 60 * MINUTE])(
    'keeps its length when the clock is set by %i ms',
    async (jumpMs) => {
      const { world, engine } = await worldAndEngine()
      await stable(world, engine, canarySpec('v1'))
      world.version('v2', { health: 'unhealthy' })
      const id = await engine.start(canarySpec('v2', { times: { stagingMs: MINUTE } }))
      await world.clock.advance(30 * SECOND)
      world.clock.jump(jumpMs)
      await world.clock.advance(30 * SECOND - 1)
      expect(engine.rollout(id).state).toBe('staging')
      await world.clock.advance(1)
      expect(engine.rollout(id).state).toMatch(GOING_BACK)
    },
  )

  test('keeps its length when the clock is set back while nobody is there', async () => {
    const { world, engine, controller } = await worldAndEngine()
    await stable(world, engine, canarySpec('v1'))
    world.version('v2', { health: 'unhealthy' })
    const id = await engine.start(canarySpec('v2', { times: { stagingMs: MINUTE } }))
    controller.crash()
    world.clock.jump(-60 * MINUTE)
    const next = (await controllerOf(world)).engine
    await world.clock.advance(MINUTE - 1)
    expect(next.rollout(id).state).toBe('staging')
    await world.clock.advance(1)
    expect(next.rollout(id).state).toMatch(GOING_BACK)
  })

  test('that rings while the next one is being set does not count as that one', async () => {
    const { world, engine, id } = await releasing(
      canarySpec('v2', { times: { drainMs: 5 * SECOND, retireMs: 0 } }),
    )
    world.platform.stopFault = 'hang'
    // The drain is answered in the same instant in which its deadline passes, and is journalled first.
    world.router.drainFault = { slowMs: 10 * SECOND }
    await reaches(world, engine, { id, state: 'retiring.draining' })
    world.store.fault = { slowMs: 200 }
    await world.clock.advance(9 * SECOND + 900)
    expect(engine.rollout(id).state).toBe('retiring.draining')
    await world.clock.advance(2 * SECOND)
    expect(engine.rollout(id).state).toBe('retiring.stopping')
  })
})

describe('a bake', () => {
  test('is not shortened by a restart, and goes on from what was observed', async () => {
    const { world, engine, id, controller } = await releasing(canarySpec('v2', { bakeMs: 30 * SECOND }))
    await reaches(world, engine, { id, state: 'monitoring' })
    await world.clock.advance(20 * SECOND)
    const seen = engine.rollout(id).step?.observedMs ?? 0
    expect(seen).toBeGreaterThanOrEqual(15 * SECOND)
    controller.crash()
    await world.clock.advance(60 * MINUTE)

    const next = (await controllerOf(world)).engine
    await world.clock.advance(0)
    expect(next.rollout(id).step?.observedMs).toBe(seen)
    await world.clock.advance(30 * SECOND - seen - SECOND)
    expect(next.rollout(id).step?.index).toBe(1)
    await world.clock.advance(15 * SECOND)
    expect(next.rollout(id).step?.index).toBe(2)
  })

  test('does not count time without traffic', async () => {
    const { world, engine, id } = await releasing(canarySpec('v2', { bakeMs: 10 * SECOND }))
    await reaches(world, engine, { id, state: 'monitoring' })
    world.traffic.rate = 0
    await world.clock.advance(5 * MINUTE)
    expect(engine.rollout(id)).toMatchObject({ state: 'monitoring', step: { index: 1 } })
    world.traffic.rate = 100
    expect((await ended(world, engine, id)).outcome?.status).toBe('promoted')
  })

  test('does not count time in which the metrics were away, and the verdict says so', async () => {
    const { world, engine, id } = await releasing(canarySpec('v2', { bakeMs: 10 * SECOND }))
    await reaches(world, engine, { id, state: 'monitoring' })
    world.metrics.fault = 'hang'
    const before = engine.rollout(id).step?.observedMs
    await world.clock.advance(MINUTE)
    expect(engine.rollout(id)).toMatchObject({
      state: 'monitoring',
      verdict: { kind: 'error' },
      step: { observedMs: before },
    })
  })

  test('is not shortened by a source that says its windows were longer', async () => {
    const { world, engine, id } = await releasing(canarySpec('v2', { bakeMs: 30 * SECOND }))
    world.metrics.distort = (window) => ({ ...window, ms: 60 * MINUTE })
    await reaches(world, engine, { id, state: 'monitoring' })
    await world.clock.advance(25 * SECOND)
    expect(engine.rollout(id).step?.index).toBe(1)
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 0])('is not made of windows of %d ms', async (ms) => {
    const { world, engine, id } = await releasing(canarySpec('v2', { bakeMs: 5 * SECOND }))
    world.metrics.distort = (window) => ({ ...window, ms })
    await reaches(world, engine, { id, state: 'monitoring' })
    await world.clock.advance(2 * SECOND)
    if (ms !== Number.POSITIVE_INFINITY) expect(engine.rollout(id).verdict?.kind).toBe('error')
    await world.clock.advance(2 * SECOND)
    expect(engine.rollout(id).step?.index).toBe(1)
  })

  test('goes on when the clock is set back', async () => {
    const { world, engine, id } = await releasing(canarySpec('v2', { bakeMs: 10 * SECOND }))
    await reaches(world, engine, { id, state: 'monitoring' })
    await world.clock.advance(3 * SECOND)
    world.clock.jump(-60 * MINUTE)
    await world.clock.advance(15 * SECOND)
    expect(engine.rollout(id).step?.index).toBeGreaterThan(1)
  })
})
