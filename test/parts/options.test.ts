// What a person gets wrong is answered with what was wrong, where, and what to write instead; nothing was touched by then.
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test } from 'vitest'

import {
  type BlueGreenOptions,
  type CanaryOptions,
  createBlueGreen,
  createCanary,
  createEngine,
  createPipeline,
  createRollbackManager,
  createSmokeTests,
  errorRate,
  latency,
  UsageError,
} from '../../src/index.ts'

/** What JavaScript would let through: the types say no to most of this. */
type Wrong = Readonly<Record<string, unknown>>

function complaintOf(make: () => unknown): { code: string; message: string; hint: string | undefined } {
  try {
    make()
  } catch (error) {
    if (error instanceof UsageError) return { code: error.code, message: error.message, hint: error.hint }
    throw error
  }
  throw new Error('nothing was complained about')
}

async function nowhere(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-options-'))
  onTestFinished(async () => rm(dir, { recursive: true, force: true }))
  return join(dir, 'state')
}

const RUN = { command: 'node server.js' }

const SHARED: readonly (readonly [option: string, wrong: Wrong])[] = [
  ['name', { name: '' }],
  ['name', { name: '../etc' }],
  ['name', { name: 'a\nb' }],
  ['name', { name: 'x'.repeat(1_000_000) }],
  ['name', { name: 42 }],
  ['listen', { listen: 70_000 }],
  ['listen', { listen: -1 }],
  ['listen', { listen: 'localhost' }],
  ['run.command', { run: { command: '' } }],
  ['run.command', { run: { command: 'node server.js | tee log' } }],
  ['run.command', { run: { command: ['node', 'a\0b'] } }],
  ['run.replicas', { run: { ...RUN, replicas: 0 } }],
  ['run.replicas', { run: { ...RUN, replicas: 1.5 } }],
  ['run.stopGrace', { run: { ...RUN, stopGrace: '5' } }],
  ['healthCheckInterval', { healthCheckInterval: '0s' }],
  ['healthCheckInterval', { healthCheckInterval: '5 minutes' }],
  ['healthCheckInterval', { healthCheckInterval: '1,5h' }],
  ['healthCheckInterval', { healthCheckInterval: 5 }],
  ['healthCheckThreshold', { healthCheckThreshold: 0 }],
  ['healthCheckThreshold', { healthCheckThreshold: Number.NaN }],
  ['health.path', { health: { path: 'health' } }],
  ['health.path', { health: { path: '/a b' } }],
  ['health.path', { health: { path: '/a\r\nx: y' } }],
  ['health.timeout', { health: { timeout: '-1s' } }],
  ['health.status', { health: { status: 999 } }],
  ['health.timeout', { health: { kind: 'tcp', timeout: '2' } }],
  ['health.command', { health: { kind: 'command', command: 'test -f x && y' } }],
  ['window', { window: '0ms' }],
  ['stagingTimeout', { stagingTimeout: '9000h' }],
  ['progressDeadline', { progressDeadline: '1h1h' }],
  ['drainTimeout', { drainTimeout: '10' }],
]

describe('an option of a release that is wrong', () => {
  test.each(SHARED)('%s is named, with what to write instead: %o', async (option, wrong) => {
    const stateDir = await nowhere()
    const options = { name: 'shop', stateDir, run: RUN, ...wrong } as unknown as CanaryOptions &
      BlueGreenOptions
    for (const make of [createCanary, createBlueGreen, createPipeline]) {
      const complaint = complaintOf(() => make(options))
      expect(complaint.code).toBe('ARGUMENT_INVALID')
      expect(complaint.message).toMatch(new RegExp(`^${option.replaceAll('.', '\\.')}: `))
      expect(complaint.message.length).toBeLessThan(200)
      expect(complaint.hint).toBeTruthy()
    }
    expect(existsSync(stateDir)).toBe(false)
  })

  test.each([
    [[]],
    [[10, 5]],
    [[5, 5]],
    [[-1]],
    [[Number.NaN]],
    [[-0]],
    [[Number.POSITIVE_INFINITY]],
    [['10']],
    [[100.0001]],
    [[101]],
    [Array.from({ length: 10_000 }, (_, i) => i / 100)],
  ])('trafficSteps %j are refused', (trafficSteps: readonly unknown[]) => {
    const options = { name: 'shop', run: RUN, trafficSteps } as unknown as CanaryOptions
    const { code, message } = complaintOf(() => createCanary(options))
    expect([code, message.startsWith('trafficSteps')]).toEqual(['ARGUMENT_INVALID', true])
  })

  test('a deploy without a word on how to run the version is refused before anything starts', async () => {
    const stateDir = await nowhere()
    const canary = createCanary({ name: 'shop', stateDir })
    await expect(canary.deploy('v1')).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringMatching(/^run: /),
    })
    await expect(createCanary({ name: 'shop', stateDir, run: RUN }).deploy('v1/..')).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringMatching(/^version: /),
    })
    expect(existsSync(stateDir)).toBe(false)
  })
})

describe('other options that are wrong', () => {
  test.each<readonly [string, Wrong]>([
    ['tests', { tests: [{ name: 'health', run: () => {} }] }],
    ['tests[2].name', { tests: [{ name: 'a b', run: () => {} }] }],
    ['tests[2].retries', { tests: [{ name: 'a', run: () => {}, retries: 100 }] }],
    ['tests[2].timeout', { tests: [{ name: 'a', run: () => {}, timeout: 'soon' }] }],
    ['tests[2].http.method', { tests: [{ name: 'a', http: { method: 'GET /\r\n' } }] }],
    ['tests[2].http.path', { tests: [{ name: 'a', http: { path: 'http://169.254.169.254/' } }] }],
    ['tests[2].http.expect.status', { tests: [{ name: 'a', http: { expect: { status: 42 } } }] }],
    ['endpointUrl', { endpointUrl: 'http://user:secret@127.0.0.1' }],
    ['endpointUrl', { endpointUrl: 'file:///etc/passwd' }],
    ['concurrency', { concurrency: 0 }],
    ['budget', { budget: '0s' }],
  ])('%s of smoke tests is named: %o', (option, wrong) => {
    const { code, message } = complaintOf(() => createSmokeTests({ name: 'shop', ...wrong }))
    expect(code).toBe('ARGUMENT_INVALID')
    expect(message.startsWith(`${option}: `)).toBe(true)
    expect(message).not.toContain('secret')
  })

  test('a rollback manager names its own', () => {
    expect(complaintOf(() => createRollbackManager({ name: 'shop', returnBudget: '0s' })).message).toMatch(
      /^returnBudget: /,
    )
  })

  test('checks say what limit they want', () => {
    expect(complaintOf(() => errorRate({})).hint).toContain('errorRate({')
    expect(complaintOf(() => errorRate({ max: 5 })).code).toBe('ARGUMENT_INVALID')
    expect(complaintOf(() => errorRate({ max: Number.NaN })).code).toBe('ARGUMENT_INVALID')
    expect(complaintOf(() => latency({})).hint).toContain('latency({')
    expect(complaintOf(() => latency({ timesBaseline: 0.5 })).code).toBe('ARGUMENT_INVALID')
    expect(complaintOf(() => latency({ p99: '0s' })).code).toBe('ARGUMENT_INVALID')
  })

  test('an engine that would be reachable from outside wants a token, and leaves nothing behind without one', async () => {
    const stateDir = await nowhere()
    await expect(createEngine({ stateDir, listen: '0.0.0.0:0' })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
    await expect(createEngine({ stateDir, listen: 'here' })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
    await expect(createEngine({ stateDir, inspect: true })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
    await using engine = await createEngine({ stateDir, listen: 0 })
    expect(engine.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    await expect(createEngine({ stateDir })).rejects.toMatchObject({ code: 'ROLLOUT_IN_PROGRESS' })
  })
})
