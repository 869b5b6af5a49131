import { describe, expect, test } from 'vitest'

import type { RolloutEvent } from '../../src/events/rollout-event.ts'
import { never } from '../../src/testing/simulated/fault.ts'
import type { Controller, SimulatedWorld } from '../../src/testing/simulated/world.ts'
import { canarySpec, controllerOf, ended, pipelineSpec, reaches, releasing, SECOND, until } from './kit.ts'

/** Lets the controller die when it appends a certain event: before it is written, or just after. */
function diesAt(
  { world, controller }: { readonly world: SimulatedWorld; readonly controller: Controller },
  isIt: (event: RolloutEvent, rollout: string) => boolean,
  point: 'before' | 'after',
) {
  let isDead = false
  world.store.before = async ({ entry }) => {
    if (isDead || !isIt(entry.event as RolloutEvent, entry.rollout)) return
    isDead = true
    controller.crash()
    if (point === 'before') await never()
  }
  return () => isDead
}

async function linesOf({ store }: SimulatedWorld, type: RolloutEvent['type'], rollout: string) {
  const lines = await store.history('shop', { after: 0, limit: 10_000 })
  return lines.filter((line) => line.rollout === rollout && (line.event as RolloutEvent).type === type)
}

describe('a child', () => {
  test('is started once, also when its parent asks again after a restart', async () => {
    const { world, engine, id, controller } = await releasing(pipelineSpec('v2'))
    await reaches(world, engine, { id: `${id}/deploy/1`, state: 'staging' })
    controller.crash()
    const next = (await controllerOf(world)).engine
    expect((await ended(world, next, id)).outcome?.status).toBe('promoted')
    expect(await linesOf(world, 'rollout.requested', `${id}/deploy/1`)).toHaveLength(1)
    expect(world.platform.started).toEqual(['v1', 'v2'])
  })

  test.each(['before', 'after'] as const)(
    'whose end is not yet told, because the controller died just %s the telling, is told of by the next one',
    async (point) => {
      const all = await releasing(pipelineSpec('v2'))
      const { world, id } = all
      const isDead = diesAt(all, (event, rollout) => event.type === 'child.ended' && rollout === id, point)
      await until(world, isDead)
      await world.clock.advance(SECOND)
      const next = (await controllerOf(world)).engine
      expect((await ended(world, next, id)).outcome?.status).toBe('promoted')
      const told = await linesOf(world, 'child.ended', id)
      expect(told.map(({ event }) => (event as { slot: string }).slot)).toEqual(['deploy', 'smoke'])
    },
  )

  test.each(['before', 'after'] as const)(
    'hears what is passed down once, when the controller dies just %s it is journalled',
    async (point) => {
      const all = await releasing(pipelineSpec('v2', { release: canarySpec('v2', { keepStable: true }) }))
      const { world, engine, id } = all
      const child = `${id}/deploy/1`
      await reaches(world, engine, { id: child, state: 'staging' })
      const isDead = diesAt(
        all,
        (event, rollout) => event.type === 'pause.requested' && rollout === child,
        point,
      )
      void engine.send(id, { type: 'pause.requested' })
      await until(world, isDead)
      const next = (await controllerOf(world)).engine
      await world.clock.advance(SECOND)
      expect(await linesOf(world, 'pause.requested', child)).toHaveLength(1)
      await reaches(world, next, { id: child, state: 'paused' })
    },
  )

  test('is archived together with its parent', async () => {
    const { world, engine, id } = await releasing(pipelineSpec('v2'))
    await ended(world, engine, id)
    const { rollouts } = engine.service('shop')
    const family = rollouts.filter((view) => view.id.startsWith(id))
    expect(new Map(family.map((view) => [view.id, view.status]))).toEqual(
      new Map([
        [id, 'ended'],
        [`${id}/deploy/1`, 'ended'],
        [`${id}/smoke/1`, 'ended'],
      ]),
    )
  })

  test('leaves the stable version to its pipeline, which says when it is one', async () => {
    const { world, engine, id, controller } = await releasing(pipelineSpec('v2'))
    world.tests.resultOf = () => 'hang'
    await reaches(world, engine, { id: `${id}/smoke/1`, state: 'verifying' })
    expect(engine.service('shop').stable?.version).toBe('v1')
    expect(world.platform.running('shop')).toEqual(['v1', 'v2'])
    controller.crash()
    world.tests.resultOf = () => 'passed'
    const next = (await controllerOf(world)).engine
    await ended(world, next, id)
    expect(next.service('shop').stable?.version).toBe('v2')
    expect(world.platform.running('shop')).toEqual(['v2'])
  })

  test('that fails its smoke tests is taken back by a rollback of the pipeline', async () => {
    const { world, engine, id } = await releasing(pipelineSpec('v2'))
    world.tests.resultOf = () => 'failed'
    const view = await ended(world, engine, id)
    expect(view.outcome).toMatchObject({ status: 'rolled-back', cause: 'smoke-test-failure' })
    expect(engine.rollout(`${id}/rollback/1`).outcome?.status).toBe('rolled-back')
    expect(engine.service('shop').stable?.version).toBe('v1')
    expect(world.router.percentOf('shop', 'v1')).toBe(100)
    expect(world.platform.running('shop')).toEqual(['v1'])
  })

  test('that turns out to harm people during the smoke tests, though it answers its probes, is taken back', async () => {
    const { world, engine, id } = await releasing(pipelineSpec('v2'))
    world.tests.resultOf = () => 'hang'
    await reaches(world, engine, { id, state: 'verifying' })
    world.version('v2', { errorRate: 1 })
    const view = await ended(world, engine, id)
    expect(view.outcome).toMatchObject({ status: 'rolled-back', cause: 'metrics-degraded' })
    expect(world.router.percentOf('shop', 'v1')).toBe(100)
  })
})
