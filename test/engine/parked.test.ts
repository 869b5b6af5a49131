import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { UsageError } from '../../src/errors.ts'
import type { RolloutEvent } from '../../src/events/rollout-event.ts'
import { strategies } from '../../src/machines/index.ts'
import type { SimulatedWorld } from '../../src/testing/simulated/world.ts'
import {
  canarySpec,
  controllerOf,
  ended,
  pipelineSpec,
  reaches,
  releasing,
  rollbackSpec,
  SECOND,
  smokeSpec,
  stable,
  until,
  worldAndEngine,
} from './kit.ts'

/** A bug in the canary machine: these events throw. Gives back what repairs it. */
function breaking(isBad: (event: RolloutEvent) => boolean): () => void {
  const step = strategies.canary.step.bind(strategies.canary)
  const spy = vi.spyOn(strategies.canary, 'step').mockImplementation((snapshot, event) => {
    if (isBad(event)) throw new TypeError('a guard threw')
    return step(snapshot, event)
  })
  onTestFinished(() => spy.mockRestore())
  return () => spy.mockRestore()
}

async function atFivePercent(spec = canarySpec('v2', { bakeMs: 60 * SECOND })) {
  const all = await releasing(spec)
  await reaches(all.world, all.engine, { id: all.id, state: 'monitoring' })
  return all
}

async function typesOf({ store }: SimulatedWorld, rollout: string): Promise<readonly string[]> {
  const lines = await store.history('shop', { after: 0, limit: 10_000 })
  return lines.filter((line) => line.rollout === rollout).map(({ event }) => (event as RolloutEvent).type)
}

describe('a rollout whose machine throws', () => {
  test('is parked where it was, and says why', async () => {
    const { engine, id } = await atFivePercent()
    breaking(({ type }) => type === 'pause.requested')
    await expect(engine.send(id, { type: 'pause.requested' })).rejects.toMatchObject({
      code: 'EVENT_REFUSED',
      message: expect.stringContaining('a guard threw'),
    })
    expect(engine.rollout(id)).toMatchObject({
      status: 'parked',
      state: 'monitoring',
      parked: 'a guard threw',
    })
  })

  test('is said so, loudly', async () => {
    const { world, engine, id } = await atFivePercent()
    const said: string[] = []
    engine.on('rollout.parked', ({ event }) => said.push(event.reason))
    breaking(({ type }) => type === 'analysis.concluded')
    await world.clock.advance(2 * SECOND)
    expect(said).toEqual(['a guard threw'])
    expect(engine.rollout(id).status).toBe('parked')
  })

  test('does not keep the others from going on', async () => {
    const { world, engine, id } = await atFivePercent()
    breaking(({ type }) => type === 'pause.requested')
    await engine.send(id, { type: 'pause.requested' }).catch(() => {})
    const other = await engine.start(canarySpec('v1', { service: 'other' }))
    expect((await ended(world, engine, other)).outcome?.status).toBe('promoted')
    expect((await ended(world, engine, await engine.start(smokeSpec(['works'])))).outcome?.status).toBe(
      'passed',
    )
    expect(engine.rollout(id).status).toBe('parked')
  })

  test.each([
    [
      'a person',
      async ({ engine, id }: Awaited<ReturnType<typeof atFivePercent>>) => {
        await engine.send(id, { type: 'abort.requested' })
      },
    ],
    [
      'a rollback',
      async ({ engine }: Awaited<ReturnType<typeof atFivePercent>>) => {
        await engine.rollback('shop')
      },
    ],
    [
      'a verdict of harm',
      async ({ world }: Awaited<ReturnType<typeof atFivePercent>>) => {
        world.version('v2', { errorRate: 0.9 })
      },
    ],
    [
      'the death of an instance',
      async ({ world }: Awaited<ReturnType<typeof atFivePercent>>) => {
        world.platform.exit('shop', 'v2')
      },
    ],
    [
      'a probe',
      async ({ world }: Awaited<ReturnType<typeof atFivePercent>>) => {
        world.version('v2', { health: 'unhealthy' })
      },
    ],
  ])('is taken back by %s, as a rollback of its own', async (_, harm) => {
    const all = await atFivePercent()
    const { world, engine, id } = all
    breaking(({ type }) => type === 'pause.requested')
    await engine.send(id, { type: 'pause.requested' }).catch(() => {})
    await harm(all)
    await until(world, () => engine.service('shop').active === null)
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
    expect(world.platform.running('shop')).toEqual(['v1'])
    expect(engine.rollout(id).outcome?.status).toBe('superseded')
    expect(engine.service('shop').stable?.version).toBe('v1')
  })

  test('on the very verdict of harm is taken back all the same', async () => {
    const { world, engine, id } = await atFivePercent()
    breaking((event) => event.type === 'analysis.concluded' && event.verdict.kind === 'fail')
    world.version('v2', { errorRate: 0.9 })
    await until(world, () => engine.rollout(id).status === 'ended')
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
  })

  test('and whose store is silent is taken back at once', async () => {
    const { world, engine, id } = await atFivePercent()
    breaking(({ type }) => type === 'abort.requested')
    world.store.fault = 'hang'
    void engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(SECOND)
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
    world.store.fault = 'none'
    await until(world, () => engine.rollout(id).status === 'ended')
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
  })

  test('is not taken back because the stable version had an accident', async () => {
    const { world, engine, id } = await atFivePercent()
    breaking(({ type }) => type === 'pause.requested')
    await engine.send(id, { type: 'pause.requested' }).catch(() => {})
    world.platform.move('shop', 'v1')
    await world.clock.advance(5 * SECOND)
    expect(engine.rollout(id).status).toBe('parked')
  })

  test('is only taken back by a person who insists when it can not be undone', async () => {
    const { world, engine, id } = await atFivePercent(
      canarySpec('v2', { bakeMs: 60 * SECOND, reversible: false }),
    )
    breaking(({ type }) => type === 'pause.requested')
    await engine.send(id, { type: 'pause.requested' }).catch(() => {})
    world.version('v2', { errorRate: 0.9, health: 'unhealthy' })
    await world.clock.advance(30 * SECOND)
    expect(world.router.percentOf('shop', 'v2')).toBe(5)
    await expect(engine.send(id, { type: 'abort.requested' })).rejects.toMatchObject({
      code: 'EVENT_REFUSED',
    })
    await engine.send(id, { type: 'abort.requested', force: true })
    await until(world, () => engine.service('shop').active === null)
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
  })

  test('is tried again by the next controller, whose machine is repaired', async () => {
    const { world, engine, id, controller } = await atFivePercent(canarySpec('v2'))
    const repair = breaking(({ type }) => type === 'analysis.concluded')
    await world.clock.advance(5 * SECOND)
    expect(engine.rollout(id).status).toBe('parked')
    controller.crash()
    repair()
    const next = (await controllerOf(world)).engine
    expect((await ended(world, next, id)).outcome?.status).toBe('promoted')
    expect(await typesOf(world, id)).toContain('rollout.unparked')
  })

  test('is parked again by the next controller, whose machine is not', async () => {
    const { world, engine, id, controller } = await atFivePercent()
    breaking(({ type }) => type === 'analysis.concluded')
    await world.clock.advance(5 * SECOND)
    expect(engine.rollout(id).status).toBe('parked')
    controller.crash()
    const next = (await controllerOf(world)).engine
    await world.clock.advance(5 * SECOND)
    expect(next.rollout(id).status).toBe('parked')
    expect((await typesOf(world, id)).filter((type) => type === 'rollout.parked')).toHaveLength(2)
  })

  test('is not tried again because another controller has written something', async () => {
    const { world, engine, id } = await atFivePercent()
    const other = (await controllerOf(world)).engine
    breaking(({ type }) => type === 'pause.requested')
    await engine.send(id, { type: 'pause.requested' }).catch(() => {})
    await other.track('shop', { id: 'x', strategy: 'helm', version: 'v9' })
    await engine.untrack('shop', 'x')
    await world.clock.advance(SECOND)
    expect(await typesOf(world, id)).not.toContain('rollout.unparked')
    expect(engine.rollout(id).status).toBe('parked')
  })

  test('is tried again when a person says so', async () => {
    const { world, engine, id } = await atFivePercent(canarySpec('v2'))
    const repair = breaking(({ type }) => type === 'analysis.concluded')
    await world.clock.advance(5 * SECOND)
    repair()
    await engine.send(id, { type: 'resume.requested' })
    expect((await ended(world, engine, id)).outcome?.status).toBe('promoted')
  })

  test('whose stored state means nothing any more is parked, and the others are opened', async () => {
    const { world, id, controller } = await atFivePercent()
    controller.crash()
    const spy = vi.spyOn(strategies.canary, 'restore').mockImplementation(() => {
      throw new TypeError('unknown state')
    })
    onTestFinished(() => spy.mockRestore())
    const next = (await controllerOf(world)).engine
    await world.clock.advance(SECOND)
    expect(next.rollout(id)).toMatchObject({ status: 'parked', state: 'monitoring' })
    const way = await next.start(rollbackSpec('shop', { targetVersion: 'v1' }))
    await ended(world, next, way)
    expect(next.rollout(id).outcome?.status).toBe('superseded')
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
  })
})

describe('a service whose record can not be read', () => {
  test('keeps no other from going on, and is no service until somebody has looked at it', async () => {
    const { world, id, controller } = await atFivePercent(canarySpec('v2'))
    controller.crash()
    const entry = { rollout: 'x', strategy: 'canary', time: 1, event: {}, state: '', commands: [] }
    await world.store.append('broken', 0, { entry, record: { hello: 'world' } })
    const next = (await controllerOf(world)).engine
    expect((await ended(world, next, id)).outcome?.status).toBe('promoted')
    expect(next.services().map(({ service }) => service)).toEqual(['shop'])
    await expect(next.start(canarySpec('v1', { service: 'broken' }))).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
    })
  })

  test('a service that was only asked about is none', async () => {
    const { engine } = await worldAndEngine()
    expect((await engine.canRollback('typo')).kind).toBe('no')
    expect(engine.services()).toEqual([])
    expect(() => engine.service('typo')).toThrow(expect.objectContaining({ code: 'ROLLOUT_UNKNOWN' }))
  })
})

describe('a name that is bound to nothing', () => {
  const unbound = new UsageError('UNBOUND_NAME', 'no function is called works')

  test('parks the smoke tests instead of failing them, and the next engine that knows it goes on', async () => {
    const { world, engine, controller } = await worldAndEngine()
    world.tests.resultOf = () => unbound
    const id = await engine.start(smokeSpec(['works']))
    await world.clock.advance(SECOND)
    expect(engine.rollout(id)).toMatchObject({ status: 'parked', parked: 'no function is called works' })
    controller.crash()
    world.tests.resultOf = () => 'passed'
    const next = (await controllerOf(world)).engine
    expect((await ended(world, next, id)).outcome?.status).toBe('passed')
  })

  test('in the environment of a version parks the release, and the next engine goes on', async () => {
    const { world, engine, controller } = await worldAndEngine()
    await stable(world, engine, canarySpec('v1'))
    world.platform.refusals.set('v2', new UsageError('UNBOUND_NAME', 'TOKEN: there is no such variable'))
    const id = await engine.start(canarySpec('v2'))
    await world.clock.advance(SECOND)
    expect(engine.rollout(id)).toMatchObject({ status: 'parked', state: 'staging' })
    controller.crash()
    world.platform.refusals.clear()
    const next = (await controllerOf(world)).engine
    expect((await ended(world, next, id)).outcome?.status).toBe('promoted')
  })

  test('parks the tests of a pipeline, which goes on waiting for them and can still go back', async () => {
    const { world, engine, id } = await releasing(pipelineSpec('v2'))
    world.tests.resultOf = () => unbound
    await until(world, () => engine.service('shop').rollouts.some(({ status }) => status === 'parked'))
    expect(engine.rollout(id)).toMatchObject({ status: 'active', state: 'verifying' })
    await engine.send(id, { type: 'abort.requested' })
    expect((await ended(world, engine, id)).outcome?.status).toBe('rolled-back')
    expect(world.platform.running('shop')).toEqual(['v1'])
  })

  test('is waited for; a person who does not want to wait ends the tests', async () => {
    const { world, engine } = await worldAndEngine()
    world.tests.resultOf = () => unbound
    const id = await engine.start(smokeSpec(['works']))
    await world.clock.advance(SECOND)
    await engine.send(id, { type: 'abort.requested' })
    expect(engine.rollout(id)).toMatchObject({ status: 'ended', outcome: { status: 'aborted' } })
  })

  test('a test that can not be run as it is written has failed', async () => {
    const { world, engine } = await worldAndEngine()
    world.tests.resultOf = () => new UsageError('ARGUMENT_INVALID', 'path: expected a path')
    const view = await ended(world, engine, await engine.start(smokeSpec(['works'])))
    expect(view.outcome).toMatchObject({ status: 'failed', cause: 'smoke-test-failure' })
  })
})
