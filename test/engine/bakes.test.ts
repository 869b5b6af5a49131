// A bake is made of what was watched while it was monitored.
import { expect, test } from 'vitest'

import { errorRate } from '../../src/analysis/checks.ts'
import { canarySpec, reaches, releasing, SECOND, until } from './kit.ts'

/** One verdict takes longer than the pause does. */
const slowToTell = canarySpec('v2', {
  steps: [50, 100],
  bakeMs: 80 * SECOND,
  checks: [errorRate({ max: 0.05, minSamples: 50 })],
})

test('a bake that was paused goes on with what was left of it, however much was seen meanwhile', async () => {
  const { world, engine, id } = await releasing(slowToTell)
  world.traffic.rate = 2 // one of them for the new version
  await reaches(world, engine, { id, state: 'monitoring' })
  await world.clock.advance(8 * SECOND)
  await engine.send(id, { type: 'pause.requested' })
  await world.clock.advance(80 * SECOND)
  await engine.send(id, { type: 'resume.requested' })
  const resumed = world.clock.now()
  await until(world, () => engine.rollout(id).step?.index === 2)
  expect(world.clock.now() - resumed).toBeGreaterThanOrEqual(70 * SECOND)
})
