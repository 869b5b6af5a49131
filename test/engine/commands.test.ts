import { describe, expect, test } from 'vitest'

import { compareGenerations } from '../../src/events/generation.ts'
import {
  canarySpec,
  controllerOf,
  ended,
  reaches,
  releasing,
  SECOND,
  smokeSpec,
  stable,
  until,
  worldAndEngine,
} from './kit.ts'

describe('a command', () => {
  test('is repeated with back-off until the world does what it says', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    world.router.fault = 'refuse'
    await engine.send(id, { type: 'promote.requested' })
    await world.clock.advance(5 * SECOND)
    expect(world.router.percentOf('shop', 'v2')).toBe(5)
    world.router.fault = 'none'
    await world.clock.advance(5 * SECOND)
    expect(world.router.percentOf('shop', 'v2')).toBe(25)
  })

  test('that hangs does not stand in the way of the return', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    world.router.fault = 'hang'
    await engine.send(id, { type: 'promote.requested' })
    await world.clock.advance(SECOND)
    world.router.fault = 'none'
    await engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(100)
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
    expect((await ended(world, engine, id)).outcome?.status).toBe('rolled-back')
  })

  test('whose answer is late does not end a rollout that has gone back meanwhile', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    world.router.fault = { slowMs: 6 * SECOND }
    await engine.send(id, { type: 'promote.requested', full: true })
    await world.clock.advance(100)
    world.router.fault = 'none'
    await engine.send(id, { type: 'abort.requested' })
    const view = await ended(world, engine, id)
    await world.clock.advance(10 * SECOND)
    expect(view.outcome?.status).toBe('rolled-back')
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
  })

  test('is only confirmed by a router that was read back to do it', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    const before = world.router.inForce('shop')
    const apply = world.router.apply.bind(world.router)
    // It says that all is well, and reads back what was in force before.
    world.router.apply = async (route, options) => {
      await apply(route, options)
      return { ...route, backends: before?.backends ?? [] }
    }
    await engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(30 * SECOND)
    expect(engine.rollout(id).state).toBe('rolling-back.returning')
    await world.clock.advance(60 * SECOND)
    expect(engine.rollout(id).outcome?.status).toBe('stranded')
    world.router.apply = apply
    expect((await ended(world, engine, id)).outcome?.status).toBe('rolled-back')
  })

  test('that reads back another generation is not confirmed', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    const apply = world.router.apply.bind(world.router)
    world.router.apply = async (route, options) => ({
      ...(await apply(route, options)),
      generation: { claim: 99, n: 1 },
    })
    await engine.send(id, { type: 'promote.requested' })
    await world.clock.advance(5 * SECOND)
    expect(engine.rollout(id).state).toBe('shifting')
  })

  test('about one version does not wait for one about another', async () => {
    const { world, engine } = await worldAndEngine()
    world.platform.fault = 'hang'
    await engine.start(canarySpec('v1'))
    await engine.start(canarySpec('v1', { service: 'other' }))
    world.platform.fault = 'none'
    const third = await engine.start(canarySpec('v1', { service: 'third' }))
    await reaches(world, engine, { id: third, state: 'monitoring' })
    expect(engine.rollout('shop-1').state).toBe('staging')
  })

  test('of one rollout does not wait for another of it that hangs', async () => {
    const { world, engine } = await worldAndEngine()
    world.tests.resultOf = (name) => (name === 'slow' ? 'hang' : 'passed')
    const id = await engine.start(smokeSpec(['slow', 'quick'], { concurrency: 2 }))
    await world.clock.advance(SECOND)
    expect(engine.rollout(id).details['results']).toMatchObject([
      { name: 'slow', status: 'running' },
      { name: 'quick', status: 'passed' },
    ])
    // Given up after its time, though it ignores its signal.
    const view = await ended(world, engine, id)
    expect(view.outcome).toMatchObject({ status: 'failed', cause: 'smoke-test-failure' })
  })

  test('is carried out for names that every object in JavaScript knows', async () => {
    const { world, engine } = await worldAndEngine()
    const service = 'constructor'
    await stable(world, engine, canarySpec('toString', { service }))
    const view = await ended(world, engine, await engine.start(canarySpec('valueOf', { service })))
    expect(view.outcome?.status).toBe('promoted')
    expect(view.requests?.versions.map(({ version }) => version).toSorted()).toEqual(['toString', 'valueOf'])
    expect(world.router.percentOf(service, 'valueOf')).toBe(100)
  })

  test('to start a version that fails for good fails the release', async () => {
    const { world, engine } = await worldAndEngine()
    await stable(world, engine, canarySpec('v1'))
    world.platform.fault = 'refuse'
    const view = await ended(world, engine, await engine.start(canarySpec('v2')))
    expect(view.outcome).toMatchObject({ status: 'rolled-back', cause: 'staging-failed' })
  })

  test('to stop the old version that is never answered does not keep a rollout from its end', async () => {
    const { world, engine, id } = await releasing()
    world.platform.stopFault = 'hang'
    world.router.drainFault = 'hang'
    expect((await ended(world, engine, id)).outcome?.status).toBe('promoted')
  })

  test('is carried out without counters that answer: a return depends on nothing but the router', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    world.metrics.countsFault = 'hang'
    world.metrics.fault = 'hang'
    world.probe.fault = 'hang'
    world.platform.stopFault = 'hang'
    await engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(100)
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
    expect((await ended(world, engine, id)).outcome?.status).toBe('rolled-back')
  })
})

describe('instances that move', () => {
  test('are where the router sends requests from then on', async () => {
    const { world, engine } = await worldAndEngine()
    await stable(world, engine, canarySpec('v1'))
    world.platform.move('shop', 'v1')
    await world.clock.advance(SECOND)
    const [instance] = await world.platform.list('shop', { signal: new AbortController().signal })
    expect(world.router.inForce('shop')?.backends).toMatchObject([{ endpoints: [{ url: instance?.url }] }])
  })

  test('are found by a new controller, which tells the router', async () => {
    const { world, engine, controller } = await worldAndEngine()
    await stable(world, engine, canarySpec('v1'))
    controller.crash()
    world.platform.move('shop', 'v1')
    world.router.fault = 'refuse'
    await controllerOf(world)
    await world.clock.advance(SECOND)
    world.router.fault = 'none'
    await world.clock.advance(10 * SECOND)
    const [instance] = await world.platform.list('shop', { signal: new AbortController().signal })
    expect(world.router.inForce('shop')?.backends).toMatchObject([{ endpoints: [{ url: instance?.url }] }])
  })

  test('do not bring an older split back, also where the router would take it', async () => {
    const { world, engine, id } = await releasing(canarySpec('v2'), { fences: false })
    await reaches(world, engine, { id, state: 'monitoring' })
    world.router.fault = { slowMs: 2 * SECOND }
    await engine.send(id, { type: 'abort.requested' })
    await world.clock.advance(500)
    world.platform.move('shop', 'v1')
    await ended(world, engine, id)
    await world.clock.advance(10 * SECOND)
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
    const generations = world.router.changes.map(({ route }) => route.generation)
    expect(generations).toEqual(generations.toSorted(compareGenerations))
  })

  test('are not started again when they are being stopped', async () => {
    const { world, engine, id, controller } = await releasing()
    world.platform.stopFault = 'hang'
    await reaches(world, engine, { id, state: 'retiring.stopping' })
    const started = world.platform.started.length
    controller.crash()
    const instances = await world.platform.list('shop', { signal: new AbortController().signal })
    expect(instances.map(({ version }) => version)).toEqual(['v1', 'v2'])
    world.platform.stopFault = 'none'
    const next = (await controllerOf(world)).engine
    await ended(world, next, id)
    expect(world.platform.started).toHaveLength(started)
    expect(world.platform.running('shop')).toEqual(['v2'])
  })

  test('of a version that dies while nobody is there are not simply started again: it is harm', async () => {
    const { world, engine, id, controller } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    controller.crash()
    world.platform.exit('shop', 'v2')
    const next = (await controllerOf(world)).engine
    const view = await ended(world, next, id)
    expect(view.outcome).toMatchObject({ status: 'rolled-back', cause: 'instance-exited' })
  })

  test('of the stable version that died while nobody was there are started again, as soon as the platform can', async () => {
    const { world, engine, controller } = await worldAndEngine()
    await stable(world, engine, canarySpec('v1'))
    controller.crash()
    world.platform.exit('shop', 'v1')
    world.platform.fault = 'refuse'
    await controllerOf(world)
    await world.clock.advance(SECOND)
    world.platform.fault = 'none'
    await until(world, () => world.platform.running('shop').includes('v1'))
  })
})
