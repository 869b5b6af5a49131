// Whole releases: real processes, the real proxy, SQLite, and real requests all the while.
import { describe, expect, test } from 'vitest'

import {
  type CanaryDeployment,
  createBlueGreen,
  createCanary,
  createPipeline,
  createRollbackManager,
  createSmokeTests,
  errorRate,
  type RolloutView,
} from '../../src/index.ts'
import { eventually } from '../../src/testing/traffic-rig.ts'
import { Shop } from '../kit/shop.ts'

const QUICK = { stableVersion: 'v1', trafficSteps: [20, 60, 100], validationDuration: '600ms' } as const
const checks = [errorRate({ max: 0.05, aboveBaseline: 0.02, minSamples: 20 })]

describe('a canary', () => {
  test('of a good version is promoted, and not a single request is lost', async () => {
    await using shop = await Shop.open()
    const engine = await shop.engine()
    const canary = createCanary({ ...shop.options(engine), ...QUICK, checks })
    const release = canary.deploy('v2')
    await shop.visit(engine)
    const result = await release

    expect(result).toMatchObject({
      success: true,
      phase: 'promoted',
      previousVersion: 'v1',
      finalCanaryPercentage: 100,
    })
    expect(result.requests).toMatchObject({ failed: 0, complete: true })
    expect(result.steps.length).toBe(4)
    const { seen, counted } = await shop.leave()
    expect(seen.failed).toBe(0)
    expect(seen.answered).toEqual(counted)
    const running = (await canary.service()).versions.filter(({ endpoints }) => endpoints.length > 0)
    expect(running.map(({ version }) => version)).toEqual(['v2'])
  })

  test('of a bad version is taken back, and the ledger says what it cost', async () => {
    await using shop = await Shop.open()
    const engine = await shop.engine()
    const canary = createCanary({ ...shop.options(engine), ...QUICK, checks })
    const release = canary.deploy('v3')
    await shop.visit(engine)
    const states: string[] = []
    const watching = engine.events$.subscribe(({ state }) => states.push(state))
    const result = await release
    watching.unsubscribe()

    expect(result).toMatchObject({
      success: false,
      phase: 'rolled-back',
      cause: 'metrics-degraded',
      finalCanaryPercentage: 0,
    })
    expect(states).toEqual(expect.arrayContaining(['degraded', 'rolling-back.returning']))
    const { seen, counted } = await shop.leave()
    expect(seen.answered).toEqual(counted)
    const bad = result.requests?.versions.find(({ version }) => version === 'v3')
    expect(bad?.appErrors).toBe(counted['v3']?.[4])
    expect(bad?.appErrors).toBeGreaterThan(0)
    expect(seen.failed).toBe(0)
  })

  test('pauses, is set by hand, goes on, and ends where a person says', async () => {
    await using shop = await Shop.open()
    const engine = await shop.engine()
    const canary = createCanary({ ...shop.options(engine), ...QUICK, validationDuration: '1m', checks })
    const release = canary.deploy('v2')
    await shop.visit(engine)
    await eventually(async () => (await canaryOf(canary))?.state === 'monitoring')

    expect((await canary.pause()).state).toBe('paused')
    expect(await canary.routeTraffic(42.5, 57.5)).toEqual({ canary: 42.5, stable: 57.5 })
    await expect(canary.routeTraffic(60, 50)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
    await expect(canary.deploy('v4')).rejects.toMatchObject({ code: 'ROLLOUT_IN_PROGRESS' })
    await canary.resume()
    await eventually(async () => ((await canaryOf(canary))?.baseline ?? null) !== null)
    const baseline = await canary.getBaselineMetrics()
    expect(baseline.errors).toBe(0)
    const broken = { ...baseline, requests: 100, errors: 50, errorRate: 0.5 }
    expect(await canary.metricsDegraded({ ...baseline, requests: 100 }, broken)).toBe(true)
    const aborted = await canary.abort('enough')
    expect(aborted).toMatchObject({ phase: 'rolled-back', cause: 'abort', reason: 'enough' })
    expect(await release).toEqual(aborted)
  })
})

describe('a blue-green release', () => {
  test('swaps under load without losing a request, and swaps back by hand as a rollout of its own', async () => {
    await using shop = await Shop.open()
    const engine = await shop.engine()
    const options = { ...shop.options(engine), monitoringDuration: '600ms', retireAfter: '0s' } as const
    const blueGreen = createBlueGreen(options)
    expect(await blueGreen.deploy('v1')).toMatchObject({
      success: true,
      environment: 'blue',
      previousVersion: null,
    })
    await shop.visit(engine)
    const staged = await blueGreen.deployToStaging('v2')
    expect(staged).toMatchObject({ state: 'staged' })
    expect((await blueGreen.status()).environments).toMatchObject({
      blue: { version: 'v1', weight: 100 },
      green: { version: 'v2', weight: 0, health: 'healthy' },
    })
    expect((await blueGreen.swapEndpoints()).split).toMatchObject([
      { version: 'v1', weight: 0 },
      { version: 'v2', weight: 10_000 },
    ])
    await expect(blueGreen.monitorDeployment('blue')).rejects.toMatchObject({ code: 'EVENT_REFUSED' })
    const result = await blueGreen.monitorDeployment('green', '500ms')
    expect(result).toMatchObject({ success: true, status: 'promoted', environment: 'green' })
    expect(result.requests?.failed).toBe(0)
    expect(result.healthChecks.passed).toBeGreaterThan(0)

    const back = await blueGreen.rollback('second thoughts')
    expect(back).toMatchObject({
      strategy: 'rollback',
      version: 'v1',
      outcome: { status: 'rolled-back', cause: 'manual' },
    })
    const { seen, counted } = await shop.leave()
    expect(seen.failed).toBe(0)
    expect(seen.answered).toEqual(counted)
  })
})

describe('a pipeline', () => {
  test('takes a version back whose smoke tests fail, and keeps the one that was stable', async () => {
    await using shop = await Shop.open()
    const engine = await shop.engine()
    const fine = createPipeline({
      ...shop.options(engine),
      monitoringDuration: '300ms',
      smoke: { basicCall: { path: '/orders/1' } },
    })
    const first = await fine.deploy('v1')
    expect(first).toMatchObject({ success: true, stage: 'promoted', smoke: { success: true, totalTests: 2 } })
    await shop.visit(engine)

    const strict = createPipeline({
      ...shop.options(engine),
      monitoringDuration: '300ms',
      smoke: {
        tests: [{ name: 'mine', run: () => Promise.reject(new Error('not good enough')), retries: 1 }],
      },
    })
    const second = await strict.deploy('v2')
    expect(second).toMatchObject({ success: false, stage: 'rolled-back', cause: 'smoke-test-failure' })
    const mine = second.smoke?.testResults.find(({ testName }) => testName === 'mine')
    expect(mine?.attempts.map(({ message }) => message)).toEqual(['not good enough', 'not good enough'])
    expect(second.rollback).toMatchObject({ success: true, targetVersion: 'v1', cleanedUp: ['v2'] })
    expect((await strict.service()).stable?.version).toBe('v1')
    expect((await shop.leave()).seen.failed).toBe(0)
  })
})

describe('the rollback manager', () => {
  test('knows what was good, restores what was retired, and refuses what never was', async () => {
    await using shop = await Shop.open()
    const engine = await shop.engine()
    const blueGreen = createBlueGreen({ ...shop.options(engine), monitoringDuration: '300ms' })
    const manager = createRollbackManager({ name: 'shop', engine, verifyDuration: '300ms' })
    expect(await manager.canRollback()).toMatchObject({ kind: 'no' })
    await blueGreen.deploy('v1')
    await blueGreen.deploy('v2')
    expect((await manager.snapshots()).map(({ version, warm }) => [version, warm])).toEqual([
      ['v2', true],
      ['v1', false],
    ])
    expect(await manager.canRollback()).toEqual({ kind: 'restorable', target: 'v1' })
    expect(await manager.canRollback('v9')).toMatchObject({ kind: 'no' })
    await expect(manager.rollback({ targetVersion: 'v9' })).rejects.toMatchObject({
      code: 'ROLLBACK_IMPOSSIBLE',
    })

    await manager.addActiveDeployment('elsewhere-1', 'helm', 'v7')
    expect(await manager.activeDeployments()).toEqual([
      { id: 'elsewhere-1', strategy: 'helm', version: 'v7', isOurs: false },
    ])
    await manager.removeActiveDeployment('elsewhere-1')
    expect(await manager.activeDeployments()).toEqual([])

    const result = await manager.rollback({ reason: 'health-check-failure', message: 'it is slow' })
    expect(result).toMatchObject({ success: true, targetVersion: 'v1', verified: true, cleanedUp: ['v2'] })
    await expect(manager.cleanupFailedDeployment('v1')).rejects.toMatchObject({ code: 'EVENT_REFUSED' })
    await manager.cleanupFailedDeployment('v2')
  })
})

describe('smoke tests', () => {
  test('record each attempt, and only critical ones decide', async () => {
    await using shop = await Shop.open()
    const engine = await shop.engine()
    await createBlueGreen({ ...shop.options(engine), monitoringDuration: '300ms' }).deploy('v1')
    let asked = 0
    const smoke = createSmokeTests({
      name: 'shop',
      engine,
      tests: [
        {
          name: 'second-time-lucky',
          retries: 2,
          run: () => (++asked < 2 ? Promise.reject(new Error('not yet')) : undefined),
        },
        {
          name: 'nice-to-have',
          severity: 'non-critical',
          http: { path: '/health', expect: { body: 'excellent' } },
        },
      ],
    })
    const suite = await smoke.runAll()
    expect(suite).toMatchObject({ success: true, totalTests: 4, passed: 3, failed: 1, skipped: 0 })
    expect(suite.testResults[2]).toMatchObject({
      testName: 'second-time-lucky',
      status: 'passed',
      attempts: [{ status: 'failed' }, { status: 'passed' }],
    })
    expect(await smoke.testHealthEndpoint()).toMatchObject({ testName: 'health', status: 'passed' })
    expect(await smoke.testBasicAgentCall()).toMatchObject({ testName: 'basic-call', status: 'passed' })
  })
})

/** The canary's rollout, once it is the one that goes on. */
async function canaryOf(canary: CanaryDeployment): Promise<RolloutView | undefined> {
  const { rollouts, active } = await canary.service()
  return rollouts.find(({ id, version }) => id === active && version !== 'v1')
}
