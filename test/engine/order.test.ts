import { describe, expect, test } from 'vitest'

import { canarySpec, ended, releasing, SECOND, until, worldAndEngine } from './kit.ts'

describe('remember, tell, act', () => {
  test('a canary that is well is promoted, and all traffic is on it', async () => {
    const { world, engine, id } = await releasing()
    const view = await ended(world, engine, id)
    expect(view.outcome?.status).toBe('promoted')
    expect(world.router.percentOf('shop', 'v2')).toBe(100)
    expect(engine.service('shop').stable?.version).toBe('v2')
  })

  test('a canary that fails is taken back', async () => {
    const { world, engine, id } = await releasing()
    world.version('v2', { errorRate: 0.3 })
    const view = await ended(world, engine, id)
    expect(view.outcome?.status).toBe('rolled-back')
    expect(world.router.percentOf('shop', 'v2')).toBe(0)
    expect(world.platform.running('shop')).toEqual(['v1'])
  })
})
