import { describe, expect, test } from 'vitest'

import type { StoreFault } from '../../src/testing/simulated/store.ts'
import type { SimulatedWorld } from '../../src/testing/simulated/world.ts'
import { canarySpec, controllerOf, ended, reaches, releasing, SECOND, until, worldAndEngine } from './kit.ts'

/** The types of all events in the journal of `shop`. */
async function journalled({ store }: SimulatedWorld): Promise<readonly unknown[]> {
  const lines = await store.history('shop', { after: 0, limit: 10_000 })
  return lines.map(({ event }) => (event as { readonly type: string }).type)
}

describe('remember, tell, act', () => {
  test('nothing is told and nothing is done before the append resolves', async () => {
    const { world, engine } = await worldAndEngine()
    const told: string[] = []
    engine.events$.subscribe(({ event }) => told.push(event.type))
    const gate = Promise.withResolvers<void>()
    world.store.before = () => gate.promise

    const starting = engine.start(canarySpec('v1'))
    await world.clock.advance(0)
    expect({ told, started: world.platform.started }).toEqual({ told: [], started: [] })

    gate.resolve()
    await starting
    await world.clock.advance(0)
    expect(told[0]).toBe('rollout.requested')
    expect(world.platform.started).toEqual(['v1'])
  })

  test('listeners hear of a step before its commands are carried out', async () => {
    const { world, engine } = await worldAndEngine()
    const order: string[] = []
    engine.on('rollout.requested', () => order.push(`told, ${world.platform.started.length} started`))
    await engine.start(canarySpec('v1'))
    expect(order).toEqual(['told, 0 started'])
  })

  test('every event that is told stands in the journal, in the same order', async () => {
    const { world, engine } = await worldAndEngine()
    const told: string[] = []
    engine.events$.subscribe(({ event }) => told.push(event.type))
    await ended(world, engine, await engine.start(canarySpec('v1')))
    expect(told).toEqual(await journalled(world))
  })

  test('the ending, the stable version and the lock change in one commit', async () => {
    const { world, engine, id } = await releasing()
    await ended(world, engine, id)
    const last = world.store.asked.at(-1)
    const before = world.store.asked.at(-2)
    expect(before?.record).toMatchObject({ stable: 'v1', lock: id })
    expect(last?.record).toMatchObject({ stable: 'v2', lock: null, rollouts: [] })
  })
})

describe('a store that fails', () => {
  const faults: readonly StoreFault[] = [
    'refuse',
    'ambiguous-written',
    'ambiguous-lost',
    'lose-answer',
    'hang',
    { slowMs: 3 * SECOND },
  ]

  test.each(faults)('%o for a while loses no event and doubles none', async (fault) => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    world.store.fault = fault
    const pausing = engine.send(id, { type: 'pause.requested' })
    await world.clock.advance(20 * SECOND)
    world.store.fault = 'none'
    await world.clock.advance(10 * SECOND)

    await pausing
    expect(engine.rollout(id).state).toBe('paused')
    const events = await journalled(world)
    expect(events.filter((type) => type === 'pause.requested')).toHaveLength(1)

    await engine.send(id, { type: 'resume.requested' })
    expect((await ended(world, engine, id)).outcome?.status).toBe('promoted')
  })

  test.each(faults)(
    '%o all along is as good as one that works, once it answers in the end',
    async (fault) => {
      const { world, engine } = await worldAndEngine()
      let n = 0
      // Every third append goes wrong, once.
      world.store.before = () => {
        world.store.fault = ++n % 3 === 0 ? fault : 'none'
      }
      const starting = engine.start(canarySpec('v1'))
      await until(
        world,
        () => engine.services()[0]?.active !== undefined && engine.service('shop').active !== null,
      )
      const view = await ended(world, engine, await starting)
      expect(view.outcome?.status).toBe('promoted')
      expect(world.platform.started).toEqual(['v1'])
    },
  )

  test('an append that may have been written starts one rollout, not two', async () => {
    const { world, engine } = await worldAndEngine()
    world.store.fault = 'ambiguous-written'
    await engine.start(canarySpec('v1'))
    expect(engine.service('shop').rollouts.map(({ id }) => id)).toEqual(['shop-1'])
  })

  test('an append that hangs and is written late starts one rollout, not two', async () => {
    const { world, engine } = await worldAndEngine()
    world.store.fault = { slowMs: 7 * SECOND }
    const starting = engine.start(canarySpec('v1'))
    await world.clock.advance(6 * SECOND)
    world.store.fault = 'none'
    await world.clock.advance(10 * SECOND)
    expect(await starting).toBe('shop-1')
    expect((await journalled(world)).filter((type) => type === 'rollout.requested')).toHaveLength(1)
    expect((await ended(world, engine, 'shop-1')).outcome?.status).toBe('promoted')
  })

  test('a conflict is thought through again, on what the other one wrote', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    const other = await controllerOf(world)
    await other.engine.send(id, { type: 'pause.requested' })

    await engine.send(id, { type: 'abort.requested' })
    expect(engine.rollout(id).state).toMatch(/^rolling-back/)
    const events = await journalled(world)
    expect(events.indexOf('pause.requested')).toBeLessThan(events.indexOf('abort.requested'))
  })

  test('what a person asks is refused when the other one has made it impossible', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    const other = await controllerOf(world)
    await other.engine.send(id, { type: 'abort.requested' })
    other.crash()
    await expect(engine.send(id, { type: 'promote.requested' })).rejects.toMatchObject({
      code: 'EVENT_REFUSED',
    })
  })

  test('listeners also hear what another controller has written, once and in order', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    const before = await journalled(world)
    const told: string[] = []
    engine.events$.subscribe(({ event }) => told.push(event.type))
    const other = await controllerOf(world)
    await other.engine.send(id, { type: 'pause.requested' })
    other.crash()
    await engine.send(id, { type: 'abort.requested' })
    await ended(world, engine, id)
    expect(told).toContain('pause.requested')
    expect(told).toEqual((await journalled(world)).slice(before.length))
  })

  test('closing does not wait for a store that hangs', async () => {
    const { world, engine } = await worldAndEngine()
    world.store.fault = 'hang'
    const refused = expect(engine.start(canarySpec('v1'))).rejects.toMatchObject({ code: 'EVENT_REFUSED' })
    await world.clock.advance(SECOND)
    await engine.close()
    await refused
  })

  test('closing waits for what is being written', async () => {
    const { world, engine } = await worldAndEngine()
    world.store.fault = { slowMs: 100 }
    const starting = engine.start(canarySpec('v1'))
    await world.clock.advance(0)
    const closing = engine.close()
    await world.clock.advance(SECOND)
    await closing
    expect(await starting).toBe('shop-1')
  })
})
