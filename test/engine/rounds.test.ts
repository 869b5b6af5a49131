import { expect, test } from 'vitest'

import { canarySpec, reaches, SECOND, stable, worldAndEngine } from './kit.ts'

test('an instance whose probes take longer than the interval is asked by one at a time', async () => {
  const { world, engine } = await worldAndEngine()
  const health = { probe: { kind: 'tcp', timeoutMs: 30 * SECOND }, intervalMs: SECOND, threshold: 3 } as const
  await stable(world, engine, canarySpec('v1'))
  const id = await engine.start(canarySpec('v2', { health }))
  await reaches(world, engine, { id, state: 'monitoring' })
  const asked: number[] = []
  world.probe.probe = () => {
    asked.push(world.clock.now())
    return new Promise(() => {})
  }
  await world.clock.advance(20 * SECOND)
  expect(asked).toHaveLength(1)
})
