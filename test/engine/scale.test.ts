import { describe, expect, test } from 'vitest'

import { SimulatedWorld } from '../../src/testing/simulated/world.ts'
import { canarySpec, controllerOf, SECOND, until } from './kit.ts'

const ROLLOUTS = 1_000

describe('one engine', () => {
  test(`brings ${ROLLOUTS} releases of ${ROLLOUTS} services to their ends, each its own`, async () => {
    const world = new SimulatedWorld()
    const { engine } = await controllerOf(world)
    world.version('bad', { health: 'unhealthy' })
    const ids = await Promise.all(
      Array.from({ length: ROLLOUTS }, (_, i) =>
        engine.start(
          canarySpec(i % 10 === 0 ? 'bad' : 'good', {
            service: `service-${i}`,
            bakeMs: SECOND,
            times: { stagingMs: 5 * SECOND },
          }),
        ),
      ),
    )
    const endings = new Map<string, number>()
    engine.events$.subscribe(({ state, rollout }) => {
      if (['promoted', 'failed'].includes(state)) endings.set(`${rollout} ${state}`, 1)
    })
    await until(world, () => endings.size === ROLLOUTS, { stepMs: SECOND })
    expect(new Set(ids).size).toBe(ROLLOUTS)
    const wrong = ids.filter((id, i) => !endings.has(`${id} ${i % 10 === 0 ? 'failed' : 'promoted'}`))
    expect(wrong).toEqual([])
  }, 300_000)

  test('goes on with many after a restart', async () => {
    const world = new SimulatedWorld()
    const first = await controllerOf(world)
    const ids = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        first.engine.start(canarySpec('good', { service: `service-${i}`, bakeMs: SECOND })),
      ),
    )
    first.crash()
    await world.clock.advance(60 * SECOND)
    const { engine } = await controllerOf(world)
    const isOver = () => engine.services().every(({ active }) => active === null)
    await until(world, isOver, { stepMs: SECOND })
    expect(ids.map((id) => engine.rollout(id).outcome?.status)).toEqual(ids.map(() => 'promoted'))
  })
})
