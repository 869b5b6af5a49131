// What each machine is told at its start, with everyday values where a test does not care.
import type {
  PipelineInput,
  ReleaseInput,
  ReleaseStep,
  RollbackInput,
  SmokeInput,
  SuiteTest,
} from '../machines/index.ts'
import { weight } from '../units.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

/** Steps with one bake for all: `stepsOf([5, 25], 30_000)`. */
export function stepsOf(percents: readonly number[], bakeMs: number): readonly ReleaseStep[] {
  return percents.map((percent) => ({ weight: weight(percent), bakeMs }))
}

/** A release of v2 over v1 in two steps, 5 % and 25 %, with a bake of 30 s each. */
export function releaseInput(changed: Partial<ReleaseInput> = {}): ReleaseInput {
  return {
    version: 'v2',
    stable: 'v1',
    claim: 7,
    steps: stepsOf([5, 25], 30 * SECOND),
    environment: null,
    gates: 'auto',
    keepStable: false,
    reversible: true,
    stagingMs: 5 * MINUTE,
    shiftingMs: 30 * SECOND,
    progressMs: 30 * MINUTE,
    degradedMs: MINUTE,
    retireMs: 10 * MINUTE,
    drainMs: 30 * SECOND,
    stopMs: 10 * SECOND,
    rollbackDrainMs: 5 * SECOND,
    returnBudgetMs: MINUTE,
    ...changed,
  }
}

/** A rollback from v2 to v1, which is still warm. */
export function rollbackInput(changed: Partial<RollbackInput> = {}): RollbackInput {
  return {
    target: 'v1',
    from: ['v2'],
    restore: false,
    back: null,
    claim: 8,
    cause: 'manual',
    reason: 'a person asked for it',
    stagingMs: 5 * MINUTE,
    drainMs: 5 * SECOND,
    stopMs: 10 * SECOND,
    returnBudgetMs: MINUTE,
    verifyMs: 30 * SECOND,
    ...changed,
  }
}

/** A test that is critical, may take 30 s, and is not repeated. */
export function suiteTest(name: string, changed: Partial<SuiteTest> = {}): SuiteTest {
  return { name, severity: 'critical', timeoutMs: 30 * SECOND, retries: 0, ...changed }
}

/** Two tests, one after the other: `health` and `search`. */
export function smokeInput(changed: Partial<SmokeInput> = {}): SmokeInput {
  return {
    tests: [suiteTest('health'), suiteTest('search')],
    failFast: false,
    concurrency: 1,
    budgetMs: 5 * MINUTE,
    ...changed,
  }
}

/** A canary of v2 over v1 with smoke tests. */
export function pipelineInput(changed: Partial<PipelineInput> = {}): PipelineInput {
  return {
    version: 'v2',
    stable: 'v1',
    claim: 7,
    strategy: 'canary',
    hasSmoke: true,
    reversible: true,
    retireMs: 10 * MINUTE,
    drainMs: 30 * SECOND,
    stopMs: 10 * SECOND,
    undoMs: 2 * MINUTE,
    ...changed,
  }
}
