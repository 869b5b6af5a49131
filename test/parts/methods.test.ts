// What the methods of the parts promise beside the way that everybody takes.
import { describe, expect, onTestFinished, test } from 'vitest'

import type { Engine } from '../../src/engine/engine.ts'
import { createBlueGreen, createCanary, createPipeline, createRollbackManager } from '../../src/index.ts'
import { SimulatedWorld } from '../../src/testing/simulated/world.ts'

const SECOND = 1_000
const RUN = { command: 'serve {version}' }

/** A world with an engine; `pass` lets time go by while something is waited for. */
async function setting() {
  const world = new SimulatedWorld()
  const controller = await world.controller()
  onTestFinished(() => controller.crash())
  const pass = async <T>(work: Promise<T>, seconds = 120): Promise<T> => {
    const settled = work.then(
      () => true,
      () => true,
    )
    for (let i = 0; i < seconds; i++) {
      const isOver = await Promise.race([settled, world.clock.advance(SECOND).then(() => false)])
      if (isOver) break
    }
    return work
  }
  return { world, engine: controller.engine, pass }
}

function options(engine: Engine) {
  return { name: 'shop', engine, run: RUN, healthCheckInterval: '1s', healthCheckThreshold: 1 } as const
}

test('the version that served before is run the way the options say, not the way of the new one', async () => {
  const { engine, pass } = await setting()
  const canary = createCanary({
    ...options(engine),
    stableVersion: 'v1',
    trafficSteps: [50],
    validationDuration: '5s',
  })
  const result = await pass(canary.deploy('v2', { run: { command: 'serve-differently' } }))
  expect(result).toMatchObject({ success: true, previousVersion: 'v1' })
  const { rollouts } = engine.service('shop')
  expect(rollouts.map(({ version }) => version).toSorted()).toEqual(['v1', 'v2'])
  await expect(
    createCanary({ name: 'other', engine, stableVersion: 'v1' }).deploy('v2', { run: RUN }),
  ).rejects.toMatchObject({ code: 'ARGUMENT_INVALID', message: expect.stringMatching(/^run: /) })
})

describe('a pipeline', () => {
  test('is paused and goes on where its release is', async () => {
    const { engine, pass } = await setting()
    const pipeline = createPipeline({
      ...options(engine),
      strategy: 'canary',
      smoke: false,
      trafficSteps: [10, 50],
      validationDuration: '20s',
    })
    await pass(pipeline.deploy('v1'))
    const release = pipeline.deploy('v2')
    await pass(
      engine.when('shop-3', () => true).catch(() => null),
      1,
    )
    const child = () =>
      engine
        .services()[0]
        ?.rollouts.find(
          ({ version, strategy, status }) => version === 'v2' && strategy === 'canary' && status === 'active',
        )
    await pass(expect.poll(async () => child()?.state).toBe('monitoring'), 10)
    expect((await pass(pipeline.pause())).state).toBe('paused')
    expect((await pipeline.resume()).state).toBe('monitoring')
    expect(await pass(release)).toMatchObject({ success: true, stage: 'promoted' })
  })

  test('may be aborted twice', async () => {
    const { engine, pass } = await setting()
    const pipeline = createPipeline({
      ...options(engine),
      strategy: 'canary',
      smoke: false,
      trafficSteps: [10],
      validationDuration: '1m',
    })
    await pass(pipeline.deploy('v1'))
    const release = pipeline.deploy('v2')
    await pass(expect.poll(async () => engine.service('shop').active).not.toBeNull(), 5)
    const [first, second] = await pass(Promise.all([pipeline.abort('enough'), pipeline.abort('enough')]))
    expect(first).toMatchObject({ stage: 'rolled-back', cause: 'abort' })
    expect(second).toEqual(first)
    expect(await release).toMatchObject({ stage: 'rolled-back' })
  })
})

describe('a blue-green release', () => {
  test('is not watched, and not swapped, before it is staged or after it failed to be', async () => {
    const { world, engine, pass } = await setting()
    const blueGreen = createBlueGreen({ ...options(engine), monitoringDuration: '5s', stagingTimeout: '10s' })
    await pass(blueGreen.deploy('v1'))
    world.version('v2', { health: 'unhealthy' })
    await expect(pass(blueGreen.deployToStaging('v2'))).rejects.toMatchObject({ code: 'EVENT_REFUSED' })

    expect(await pass(blueGreen.deployToStaging('v3'))).toMatchObject({ state: 'staged' })
    await expect(blueGreen.monitorDeployment('green')).rejects.toMatchObject({ code: 'EVENT_REFUSED' })
    const swapped = await pass(blueGreen.swapEndpoints())
    expect(swapped.split).toMatchObject([
      { version: 'v1', weight: 0 },
      { version: 'v3', weight: 10_000 },
    ])
    expect(await pass(blueGreen.swapEndpoints())).toMatchObject({ id: swapped.id })
    expect(await pass(blueGreen.monitorDeployment('green'))).toMatchObject({
      success: true,
      status: 'promoted',
    })
  })

  test('has a status while another part takes the service back', async () => {
    const { engine, pass } = await setting()
    const blueGreen = createBlueGreen({ ...options(engine), monitoringDuration: '5s' })
    await pass(blueGreen.deploy('v1'))
    await pass(blueGreen.deploy('v2'))
    const back = createRollbackManager({ name: 'shop', engine, verifyDuration: '10s' }).rollback()
    await pass(expect.poll(async () => engine.service('shop').active).not.toBeNull(), 5)
    expect(await blueGreen.status()).toMatchObject({ status: null, rollout: { strategy: 'rollback' } })
    expect(await pass(back)).toMatchObject({ success: true, targetVersion: 'v1' })
  })
})
