// A signal ends the wait, at once and for each method; the rollout goes on.
import { describe, expect, onTestFinished, test } from 'vitest'

import type { Engine } from '../../src/engine/engine.ts'
import {
  createBlueGreen,
  createCanary,
  createPipeline,
  createRollbackManager,
  createSmokeTests,
} from '../../src/index.ts'
import { SimulatedWorld } from '../../src/testing/simulated/world.ts'

const RUN = { command: 'serve' }
const aborted = { signal: AbortSignal.abort(new Error('enough')) }

/** An engine in a world whose time stands still: what waits, waits for ever. */
async function frozenEngine(): Promise<Engine> {
  const controller = await new SimulatedWorld().controller()
  onTestFinished(() => controller.crash())
  return controller.engine
}

describe('a signal that has aborted', () => {
  test('ends the wait of each method of each part', async () => {
    const engine = await frozenEngine()
    const common = { name: 'shop', engine, run: RUN }
    const canary = createCanary(common)
    const blueGreen = createBlueGreen(common)
    const manager = createRollbackManager({ name: 'shop', engine })
    const smoke = createSmokeTests({ name: 'shop', engine, endpointUrl: 'http://127.0.0.1:1' })
    const health = {
      requests: 0,
      errors: 0,
      errorRate: null,
      latency: { p50: null, p90: null, p99: null },
      windowMs: 1,
    }
    const calls: readonly (() => Promise<unknown>)[] = [
      () => canary.deploy('v1', aborted),
      () => canary.pause(aborted),
      () => canary.resume(aborted),
      () => canary.promote(aborted),
      () => canary.abort('enough', aborted),
      () => canary.routeTraffic(50, 50, aborted),
      () => canary.getBaselineMetrics(aborted),
      () => canary.metricsDegraded(health, health, aborted),
      () => canary.service(aborted),
      () => blueGreen.deploy('v1', aborted),
      () => blueGreen.deployToStaging('v1', aborted),
      () => blueGreen.swapEndpoints(aborted),
      () => blueGreen.monitorDeployment('blue', '1s', aborted),
      () => blueGreen.rollback('enough', aborted),
      () => blueGreen.status(aborted),
      () => manager.addActiveDeployment('a', 'helm', 'v1', aborted),
      () => manager.removeActiveDeployment('a', aborted),
      () => manager.activeDeployments(aborted),
      () => manager.rollback(aborted),
      () => manager.stopDeployments(aborted),
      () => manager.routeAllTraffic('v1', aborted),
      () => manager.cleanupFailedDeployment('v1', aborted),
      () => manager.snapshots(aborted),
      () => manager.canRollback('v1', aborted),
      () => smoke.runAll(undefined, aborted),
      () => smoke.testHealthEndpoint(aborted),
      () => smoke.testBasicAgentCall(aborted),
      () => createPipeline(common).deploy('v1', aborted),
    ]
    for (const call of calls) await expect(call()).rejects.toThrow('enough')
    expect(engine.services()).toEqual([])
  })
})

describe('a signal that aborts later', () => {
  test('ends the wait for a release, which goes on', async () => {
    const engine = await frozenEngine()
    const canary = createCanary({ name: 'shop', engine, run: RUN })
    const wait = new AbortController()
    const release = canary.deploy('v1', { signal: wait.signal })
    await expect.poll(async () => engine.services().length).toBe(1)
    wait.abort(new Error('enough'))
    await expect(release).rejects.toThrow('enough')
    expect((await canary.service()).rollouts).toMatchObject([
      { version: 'v1', status: 'active', state: 'staging' },
    ])
  })

  test('ends the wait in the queue behind another release, and nothing of it is left', async () => {
    const engine = await frozenEngine()
    void createCanary({ name: 'shop', engine, run: RUN }).deploy('v1')
    await expect.poll(async () => engine.services().length).toBe(1)
    const wait = new AbortController()
    const queued = createCanary({ name: 'shop', engine, run: RUN, onBusy: 'queue' }).deploy('v2', {
      signal: wait.signal,
    })
    const refused = createCanary({ name: 'shop', engine, run: RUN }).deploy('v2')
    await expect(refused).rejects.toMatchObject({ code: 'ROLLOUT_IN_PROGRESS' })
    wait.abort(new Error('enough'))
    await expect(queued).rejects.toThrow('enough')
    expect(engine.service('shop').rollouts).toHaveLength(1)
  })
})
