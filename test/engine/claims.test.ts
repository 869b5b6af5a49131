import { describe, expect, test } from 'vitest'

import type { PipelineSpec, ReleaseSpec } from '../../src/engine/spec.ts'
import { UsageError } from '../../src/errors.ts'
import {
  blueGreenSpec,
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

describe('a service that is held', () => {
  test('refuses another version', async () => {
    const { engine } = await releasing()
    await expect(engine.start(canarySpec('v3'))).rejects.toMatchObject({
      name: 'UsageError',
      code: 'ROLLOUT_IN_PROGRESS',
    })
  })

  test('refuses another strategy for the same version', async () => {
    const { engine } = await releasing()
    await expect(engine.start(blueGreenSpec('v2'))).rejects.toMatchObject({ code: 'ROLLOUT_IN_PROGRESS' })
  })

  test('lets the same release join the one that is going on', async () => {
    const { engine, id } = await releasing()
    expect(await engine.start(canarySpec('v2'))).toBe(id)
  })

  test('two deploys of different versions in one tick: the second is refused', async () => {
    const { world, engine } = await worldAndEngine()
    await stable(world, engine, canarySpec('v1'))
    const both = await Promise.allSettled([engine.start(canarySpec('v2')), engine.start(canarySpec('v3'))])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })

  test('two controllers that start at once start one rollout', async () => {
    const { world, engine } = await worldAndEngine()
    await stable(world, engine, canarySpec('v1'))
    const other = await controllerOf(world)
    const ids = await Promise.all([engine.start(canarySpec('v2')), other.engine.start(canarySpec('v2'))])
    expect(new Set(ids).size).toBe(1)
  })

  test('two controllers that start different versions at once start one of them', async () => {
    const { world, engine } = await worldAndEngine()
    await stable(world, engine, canarySpec('v1'))
    const other = await controllerOf(world)
    const both = await Promise.allSettled([
      engine.start(canarySpec('v2')),
      other.engine.start(canarySpec('v3')),
    ])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  test('lets smoke tests run beside a release', async () => {
    const { world, engine, id } = await releasing()
    const tests = await engine.start(smokeSpec(['works']))
    expect((await ended(world, engine, tests)).outcome?.status).toBe('passed')
    expect(engine.service('shop').active).toBe(id)
  })

  test('is free again when its rollout has ended', async () => {
    const { world, engine, id } = await releasing()
    await ended(world, engine, id)
    expect(await engine.start(canarySpec('v3'))).not.toBe(id)
  })
})

describe('a rollback', () => {
  test('takes the service, and the release it takes it from ends superseded', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    const way = await engine.start(rollbackSpec('shop', { targetVersion: 'v1' }))

    expect(engine.rollout(id)).toMatchObject({ status: 'ended', outcome: { status: 'superseded' } })
    expect((await ended(world, engine, way)).outcome?.status).toBe('rolled-back')
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
    expect(world.platform.running('shop')).toEqual(['v1'])
    expect(engine.service('shop').active).toBeNull()
  })

  test('of a release that is still staging leaves nothing of it running', async () => {
    const { world, engine } = await worldAndEngine()
    await stable(world, engine, canarySpec('v1'))
    world.version('v2', { health: 'unhealthy' })
    const id = await engine.start(canarySpec('v2'))
    await world.clock.advance(SECOND)
    expect(world.platform.running('shop')).toEqual(['v1', 'v2'])
    await ended(world, engine, await engine.start(rollbackSpec('shop', { targetVersion: 'v1' })))
    expect(engine.rollout(id).outcome?.status).toBe('superseded')
    expect(world.platform.running('shop')).toEqual(['v1'])
  })

  test('to a version that is being stopped restores it', async () => {
    const { world, engine, id } = await releasing()
    world.platform.stopFault = { slowMs: 2 * SECOND }
    await reaches(world, engine, { id, state: 'retiring.stopping' })
    expect((await engine.canRollback('shop', 'v1')).kind).toBe('restorable')
    const way = await engine.start(rollbackSpec('shop', { targetVersion: 'v1' }))
    expect(engine.rollout(way).state).toBe('staging')
  })

  test.each(['canary', 'blue-green', 'pipeline'] as const)(
    'to a version that was retired first returns the traffic that a %s has moved',
    async (strategy) => {
      const { world, engine } = await worldAndEngine()
      for (const version of ['v1', 'v2']) await stable(world, engine, canarySpec(version))
      const specs = { canary: canarySpec, 'blue-green': blueGreenSpec, pipeline: pipelineSpec }
      await engine.start(specs[strategy]('v3'))
      await until(world, () => world.router.percentOf('shop', 'v3') > 0)
      world.platform.refusals.set('v1', new UsageError('ARGUMENT_INVALID', 'its artifact is gone'))
      const way = await engine.rollback('shop', { targetVersion: 'v1' })
      expect((await ended(world, engine, way.id)).outcome).toMatchObject({ status: 'failed' })
      expect(world.router.percentOf('shop', 'v2')).toBe(100)
      expect(engine.service('shop')).toMatchObject({ split: [{ version: 'v2', weight: 10_000 }] })
    },
  )

  test('to a version that was retired, out of another rollback, stays where that one leads', async () => {
    const { world, engine } = await worldAndEngine()
    for (const version of ['v1', 'v2', 'v3']) await stable(world, engine, canarySpec(version))
    const first = await engine.rollback('shop')
    await reaches(world, engine, { id: first.id, state: 'verifying' })
    world.platform.refusals.set('v1', new UsageError('ARGUMENT_INVALID', 'its artifact is gone'))
    const second = await engine.rollback('shop', { targetVersion: 'v1' })
    await ended(world, engine, second.id)
    expect(world.router.percentOf('shop', 'v2')).toBe(100)
  })

  test.each<ReleaseSpec | PipelineSpec>([
    canarySpec('v2', { reversible: false }),
    pipelineSpec('v2', { release: blueGreenSpec('v2', { keepStable: true, reversible: false }) }),
  ])('out of a $strategy that can not be undone, once it has traffic, is for who insists', async (spec) => {
    const { world, engine } = await releasing(spec)
    expect((await engine.canRollback('shop', 'v1')).kind).toBe('warm')
    await until(world, () => world.router.percentOf('shop', 'v2') > 0)
    expect(await engine.canRollback('shop', 'v1')).toEqual({ kind: 'no', reason: 'v2 is not reversible' })
    const asked = { targetVersion: 'v1' }
    await expect(engine.startRollback('shop', asked)).rejects.toMatchObject({ code: 'ROLLBACK_IMPOSSIBLE' })
    const way = await engine.startRollback('shop', { ...asked, force: true })
    expect((await ended(world, engine, way)).outcome?.status).toBe('rolled-back')
  })

  test('out of a first release that can not be undone, once it has traffic, is for who insists', async () => {
    const { world, engine } = await worldAndEngine()
    await engine.start(canarySpec('v1', { reversible: false }))
    await until(world, () => world.router.percentOf('shop', 'v1') > 0)
    await expect(engine.startRollback('shop', {})).rejects.toMatchObject({ code: 'ROLLBACK_IMPOSSIBLE' })
    const way = await engine.startRollback('shop', { force: true })
    expect((await ended(world, engine, way)).outcome?.status).toBe('rolled-back')
  })

  test('asked for twice goes back once', async () => {
    const { world, engine } = await worldAndEngine()
    for (const version of ['v1', 'v2', 'v3']) await stable(world, engine, canarySpec(version))
    const [first, second] = await Promise.all([engine.rollback('shop'), engine.rollback('shop')])
    expect(second.id).toBe(first.id)
    await ended(world, engine, first.id)
    expect(engine.service('shop').stable?.version).toBe('v2')
  })

  test('takes the service from another rollback when it wants another version', async () => {
    const { world, engine } = await worldAndEngine()
    for (const version of ['v1', 'v2', 'v3']) await stable(world, engine, canarySpec(version))
    const first = await engine.rollback('shop')
    const second = await engine.rollback('shop', { targetVersion: 'v1' })
    expect(engine.rollout(first.id).outcome?.status).toBe('superseded')
    await ended(world, engine, second.id)
    expect(engine.service('shop').stable?.version).toBe('v1')
    expect(world.platform.running('shop')).toEqual(['v1'])
  })

  test('supersedes a pipeline with the release inside it, which is archived with its end', async () => {
    const { world, engine, id } = await releasing(pipelineSpec('v2'))
    await reaches(world, engine, { id: `${id}/deploy/1`, state: 'monitoring' })
    const way = await engine.start(rollbackSpec('shop', { targetVersion: 'v1' }))
    expect(engine.rollout(id).outcome?.status).toBe('superseded')
    expect(engine.rollout(`${id}/deploy/1`)).toMatchObject({
      status: 'ended',
      outcome: { status: 'superseded' },
    })
    await ended(world, engine, way)
    expect(world.platform.running('shop')).toEqual(['v1'])
  })

  test('that was begun when the controller died still supersedes the release', async () => {
    const { world, engine, id, controller } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    let isBegun = false
    world.store.before = ({ entry }) => {
      if (entry.rollout === id || isBegun) return
      isBegun = true
      controller.crash()
    }
    void engine.start(rollbackSpec('shop', { targetVersion: 'v1' }))
    await world.clock.advance(SECOND)
    const next = (await controllerOf(world)).engine
    await world.clock.advance(0)
    expect(next.rollout(id).outcome?.status).toBe('superseded')
    const way = next.service('shop').active ?? ''
    expect((await ended(world, next, way)).outcome?.status).toBe('rolled-back')
  })

  test('of a first release leads nowhere', async () => {
    const { world, engine } = await worldAndEngine()
    const id = await engine.start(canarySpec('v1'))
    await reaches(world, engine, { id, state: 'monitoring' })
    await engine.rollback('shop')
    const view = await ended(world, engine, id)
    expect(view.outcome?.status).toBe('failed')
    expect(world.router.inForce('shop')?.backends).toEqual([])
    expect(engine.service('shop')).toMatchObject({ stable: null, active: null })
  })

  test('of a release that is going on is its own way back', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    expect((await engine.rollback('shop')).id).toBe(id)
    expect((await engine.rollback('shop')).id).toBe(id)
    expect((await ended(world, engine, id)).outcome).toMatchObject({ status: 'rolled-back', cause: 'manual' })
  })
})

describe('two things at once', () => {
  test('promote and abort in one tick: both are journalled, and traffic ends on stable', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    await Promise.all([
      engine.send(id, { type: 'promote.requested' }),
      engine.send(id, { type: 'abort.requested' }),
    ])
    expect((await ended(world, engine, id)).outcome?.status).toBe('rolled-back')
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
  })

  test('abort and promote in one tick: the promotion is refused', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    const both = await Promise.allSettled([
      engine.send(id, { type: 'abort.requested' }),
      engine.send(id, { type: 'promote.requested' }),
    ])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    await until(world, () => engine.rollout(id).status === 'ended')
  })

  test('an event that the state can not take is refused with the reason, and never passed over', async () => {
    const { world, engine, id } = await releasing()
    await expect(engine.send(id, { type: 'swap.requested' })).rejects.toMatchObject({
      code: 'EVENT_REFUSED',
      message: expect.stringContaining('staging'),
    })
    await ended(world, engine, id)
    await expect(engine.send(id, { type: 'abort.requested' })).rejects.toMatchObject({
      code: 'ROLLOUT_UNKNOWN',
    })
    await expect(engine.send('nobody', { type: 'abort.requested' })).rejects.toMatchObject({
      code: 'ROLLOUT_UNKNOWN',
    })
  })

  test('what the release inside a pipeline can not take is refused to the pipeline', async () => {
    const { world, engine, id } = await releasing(pipelineSpec('v2'))
    await reaches(world, engine, { id: `${id}/deploy/1`, state: 'monitoring' })
    await expect(engine.send(id, { type: 'resume.requested' })).rejects.toMatchObject({
      code: 'EVENT_REFUSED',
    })
    await engine.send(id, { type: 'pause.requested' })
    await reaches(world, engine, { id: `${id}/deploy/1`, state: 'paused' })
  })
})
