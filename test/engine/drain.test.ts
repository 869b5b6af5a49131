import { expect, test, vi } from 'vitest'

import { never } from '../../src/testing/simulated/fault.ts'
import type { SimulatedWorld } from '../../src/testing/simulated/world.ts'
import { canarySpec, controllerOf, ended, MINUTE, pipelineSpec, reaches, releasing } from './kit.ts'

/** Every drain that is asked for from now on; none of them comes to an end. */
function drains({ router }: SimulatedWorld): { readonly version: string; readonly signal: AbortSignal }[] {
  const asked: { readonly version: string; readonly signal: AbortSignal }[] = []
  vi.spyOn(router, 'drain').mockImplementation(({ version }, { signal }) => {
    asked.push({ version, signal })
    return never()
  })
  return asked
}

const open = (asked: ReturnType<typeof drains>) =>
  asked.filter(({ signal }) => !signal.aborted).map(({ version }) => version)

test.each([
  ['release', canarySpec('v2', { times: { drainMs: MINUTE } })],
  ['pipeline', pipelineSpec('v2')],
])('a %s that goes back while it drains the old version cuts none of its requests', async (_, spec) => {
  const { world, engine, id } = await releasing(spec)
  const asked = drains(world)
  await reaches(world, engine, { id, state: 'retiring.draining' })
  expect(open(asked)).toEqual(['v1'])

  await engine.send(id, { type: 'abort.requested' })
  await reaches(world, engine, { id, state: 'rolling-back' })
  await world.clock.advance(1_000)
  expect(world.router.percentOf('shop', 'v1')).toBe(100)
  expect(open(asked)).not.toContain('v1')
  expect((await ended(world, engine, id)).outcome?.status).toBe('rolled-back')
})

test.each([
  ['before', 'routing', 'hang'],
  ['after', 'verifying', 'none'],
] as const)(
  'a controller that dies %s a version has its traffic back does not drain it when it returns',
  async (_, state, fault) => {
    const { world, engine, controller, id } = await releasing(pipelineSpec('v2'))
    const back = `${id}/rollback/1`
    drains(world)
    await reaches(world, engine, { id, state: 'retiring.draining' })
    world.router.fault = fault
    await engine.send(id, { type: 'abort.requested' })
    await reaches(world, engine, { id: back, state })
    controller.crash()

    const asked = drains(world)
    world.router.fault = 'none'
    const next = await controllerOf(world)
    await reaches(world, next.engine, { id: back, state: 'verifying' })
    expect(open(asked)).not.toContain('v1')
    expect((await ended(world, next.engine, id)).outcome?.status).toBe('rolled-back')
  },
)
