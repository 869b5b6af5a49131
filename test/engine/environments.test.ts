import { expect, test } from 'vitest'

import { blueGreenSpec, ended, reaches, rollbackSpec, stable, worldAndEngine } from './kit.ts'

async function onGreen() {
  const all = await worldAndEngine()
  await stable(all.world, all.engine, blueGreenSpec('v1'))
  expect(all.engine.service('shop').live).toBe('blue')
  await stable(all.world, all.engine, blueGreenSpec('v2'))
  expect(all.engine.service('shop').live).toBe('green')
  return all
}

test('a rollback after a release makes the other environment live again, and the next release takes the idle one', async () => {
  const { world, engine } = await onGreen()
  await ended(world, engine, await engine.start(rollbackSpec('shop', { targetVersion: 'v1' })))
  expect(engine.service('shop')).toMatchObject({ live: 'blue', stable: { version: 'v1' } })

  const id = await engine.start(blueGreenSpec('v3'))
  expect(engine.rollout(id).details).toMatchObject({ environment: 'green' })
})

test('a rollback out of a release leaves the environment live that was', async () => {
  const { world, engine } = await onGreen()
  await reaches(world, engine, { id: await engine.start(blueGreenSpec('v3')), state: 'monitoring' })
  await ended(world, engine, await engine.start(rollbackSpec('shop', { targetVersion: 'v2' })))
  expect(engine.service('shop')).toMatchObject({ live: 'green', stable: { version: 'v2' } })
})
