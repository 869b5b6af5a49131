import type { RolloutView } from './engine/view.ts'
import { UsageError } from './errors.ts'
import { ServiceHandle, type Waiting } from './handle.ts'
import type { TestRun } from './machines/index.ts'
import type { SmokeOptions, SmokeTestOptions } from './options.ts'
import { BASIC_TEST, builtInTests, functionsOf, HEALTH_TEST, smokeSpec, testsOf } from './smoke-spec.ts'

/** `skipped` was not asked: fail-fast, an abort, or the test itself said so. */
export type TestStatus = 'passed' | 'failed' | 'skipped'

/** Only critical tests decide about a suite. */
export type TestSeverity = 'critical' | 'non-critical'

/** One time a test was asked. */
export interface TestAttempt {
  readonly status: TestStatus
  readonly message: string
  readonly durationMs: number
}

export interface TestResult {
  readonly testName: string
  readonly status: TestStatus
  readonly severity: TestSeverity
  /** What the last attempt said, in words. */
  readonly message: string
  /** Of all attempts together. */
  readonly durationMs: number
  /** Oldest first; none for a test that was never asked. */
  readonly attempts: readonly TestAttempt[]
}

export interface SmokeTestSuite {
  /** Whether no critical test failed, and the run was not given up. */
  readonly success: boolean
  /** The rollout it was, for `sluice status` and the journal. */
  readonly rollout: string
  readonly version: string
  readonly totalTests: number
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly durationSeconds: number
  /** Why it did not succeed; null when it did. */
  readonly reason: string | null
  /** In the order in which they were given. */
  readonly testResults: readonly TestResult[]
}

/** Proves that a version works, with real requests and functions of your own. Made by {@link createSmokeTests}. */
export class SmokeTests extends ServiceHandle<SmokeOptions> {
  protected override readonly strategy = 'smoke'

  constructor(options: SmokeOptions) {
    super(options)
    smokeSpec(options, options.version ?? 'any')
  }

  /**
   * Runs `tests`, or all that the options say beside the two built in, and resolves with what came of it: a failed test is a
   * result, not an exception.
   * @throws UsageError `ARGUMENT_INVALID` for tests that can't be run, `ROLLOUT_UNKNOWN` when nobody said which version
   */
  async runAll(
    tests: readonly SmokeTestOptions[] = testsOf(this.options),
    { signal }: Waiting = {},
  ): Promise<SmokeTestSuite> {
    await this.bind(functionsOf(tests))
    const engine = await this.engine({ signal })
    const id = await engine.start(smokeSpec(this.options, await this.#version(), tests))
    return suiteOf(await engine.ended(id, signal))
  }

  /** Asks the health endpoint. */
  async testHealthEndpoint(waiting: Waiting = {}): Promise<TestResult> {
    return this.#one(HEALTH_TEST, waiting)
  }

  /** Makes one real call of the service's main API. */
  async testBasicAgentCall(waiting: Waiting = {}): Promise<TestResult> {
    return this.#one(BASIC_TEST, waiting)
  }

  async #one(name: string, waiting: Waiting): Promise<TestResult> {
    const tests = builtInTests(this.options).filter((test) => test.name === name)
    const { testResults } = await this.runAll(tests, waiting)
    const [result] = testResults
    if (result !== undefined) return result
    throw new TypeError(`the suite has no result of ${name}`)
  }

  /** The version that the options name, that is being released, or that serves. */
  async #version(): Promise<string> {
    if (this.options.version !== undefined) return this.options.version
    const services = (await this.engine()).services()
    const known = services.find(({ service }) => service === this.name)
    const active = known?.rollouts.find(({ id }) => id === known.active)
    const found = active?.version ?? known?.stable?.version
    if (found !== undefined) return found
    // With an address of its own a suite needs no version that Sluice runs.
    if (this.options.endpointUrl !== undefined) return 'unknown'
    throw new UsageError('ROLLOUT_UNKNOWN', `${this.name} has no version to test`, {
      hint: 'Say which: version, or endpointUrl',
    })
  }
}

/**
 * Makes {@link SmokeTests} for a service.
 * @throws UsageError `ARGUMENT_INVALID`, naming the option, before anything is asked
 */
export function createSmokeTests(options: SmokeOptions): SmokeTests {
  return new SmokeTests(options)
}

/** What a smoke rollout's machine knows of its tests. */
export function suiteOf(view: RolloutView): SmokeTestSuite {
  const testResults = resultsOf(view)
  const count = (status: TestStatus): number => testResults.filter((test) => test.status === status).length
  const ended = Date.parse(view.endedAt ?? view.startedAt)
  return {
    success: view.outcome?.status === 'passed',
    rollout: view.id,
    version: view.version,
    totalTests: testResults.length,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    durationSeconds: (ended - Date.parse(view.startedAt)) / 1_000,
    reason: view.outcome?.reason ?? null,
    testResults,
  }
}

/** The machine's own words, by the names of the public contract. What it never came to ask was skipped. */
function resultsOf({ details }: RolloutView): readonly TestResult[] {
  // A smoke rollout's details are its machine's context.
  const runs = (details['results'] ?? []) as readonly TestRun[]
  return runs.map(({ name, severity, status, message, durationMs, attempts }) => ({
    testName: name,
    status: status === 'waiting' || status === 'running' ? 'skipped' : status,
    severity,
    message,
    durationMs,
    attempts,
  }))
}
