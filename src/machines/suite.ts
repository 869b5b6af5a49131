// A suite of smoke tests as data: what has been asked, what was answered, and what that means for the whole.
import type { TestAnswer } from '../events/rollout-event.ts'

/** One test of a suite, as the machine needs to know it. */
export interface SuiteTest {
  readonly name: string
  readonly severity: 'critical' | 'non-critical'
  /** How long one attempt may take. */
  readonly timeoutMs: number
  /** How often a failed attempt is repeated. */
  readonly retries: number
}

/** What came of one test. */
export interface TestRun extends Pick<SuiteTest, 'name' | 'severity'> {
  readonly status: 'waiting' | 'running' | 'passed' | 'failed' | 'skipped'
  /** What the last attempt said, or why there was none. */
  readonly message: string
  /** All attempts together. */
  readonly durationMs: number
  readonly attempts: readonly TestAnswer[]
}

/** What a suite is: its tests with their rules, and what came of each, in the same order. */
export interface Suite {
  readonly tests: readonly SuiteTest[]
  readonly results: readonly TestRun[]
  readonly failFast: boolean
  /** How many tests may run at the same time. */
  readonly concurrency: number
}

/** One answer to an attempt, counted from 1. */
export interface Answered {
  readonly test: string
  readonly attempt: number
  readonly answer: TestAnswer
}

/** An attempt that is to be made now. */
export interface Attempt {
  readonly test: string
  readonly attempt: number
  readonly ms: number
}

export function untouched(tests: readonly SuiteTest[]): readonly TestRun[] {
  return tests.map(({ name, severity }) => ({
    name,
    severity,
    status: 'waiting',
    message: '',
    durationMs: 0,
    attempts: [],
  }))
}

/** Whether an answer belongs to the attempt that runs now: engines may repeat what they said. */
export function isAwaited({ results }: Pick<Suite, 'results'>, { test, attempt }: Answered): boolean {
  return results.some(
    ({ name, status, attempts }) => name === test && status === 'running' && attempts.length === attempt - 1,
  )
}

/** The suite after an answer: the attempt is recorded, and where the suite is to fail fast, what waits is skipped. */
export function answered(suite: Suite, { test, answer }: Answered): Suite {
  const results = suite.results.map((run, i) =>
    run.name === test ? recorded(run, answer, suite.tests[i]?.retries ?? 0) : run,
  )
  const isOver = suite.failFast && results.some(isCriticalFailure)
  return { ...suite, results: isOver ? unstarted(results, 'a critical test has failed') : results }
}

/** What may start now; a test that failed and has attempts left comes before those that wait. */
export function due({ tests, results, concurrency }: Suite): readonly Attempt[] {
  const running = results.filter(({ status }) => status === 'running').length
  const waiting = results.flatMap((run, i) => (run.status === 'waiting' ? [{ run, rules: tests[i] }] : []))
  return waiting
    .toSorted((a, b) => b.run.attempts.length - a.run.attempts.length)
    .slice(0, Math.max(0, concurrency - running))
    .map(({ run, rules }) => ({
      test: run.name,
      attempt: run.attempts.length + 1,
      ms: rules?.timeoutMs ?? 0,
    }))
}

/** The results once `attempts` were started. */
export function started(results: readonly TestRun[], attempts: readonly Attempt[]): readonly TestRun[] {
  return results.map((run) =>
    attempts.some(({ test }) => test === run.name) ? { ...run, status: 'running' } : run,
  )
}

/** Given up for want of time: what runs has failed, and what waits is skipped. */
export function givenUp(results: readonly TestRun[], why: string): readonly TestRun[] {
  return unstarted(ended(results, ['running', 'failed'], why), why)
}

/** Given up for another reason: what has no result is skipped. */
export function dropped(results: readonly TestRun[], why: string): readonly TestRun[] {
  return unstarted(ended(results, ['running', 'skipped'], why), why)
}

export function isDone({ results }: Pick<Suite, 'results'>): boolean {
  return results.every(({ status }) => status !== 'waiting' && status !== 'running')
}

/** Every critical test has passed. One that was skipped has proved nothing. */
export function isPassed({ results }: Pick<Suite, 'results'>): boolean {
  return results.every(({ severity, status }) => severity === 'non-critical' || status === 'passed')
}

/** The critical tests that did not pass, in words. */
export function complaints({ results }: Pick<Suite, 'results'>): string {
  return results
    .filter(({ severity, status }) => severity === 'critical' && status !== 'passed')
    .map(({ name, message }) => `${name}: ${message}`)
    .join('; ')
}

/** What waits is skipped; what would have been tried once more has failed. */
function unstarted(results: readonly TestRun[], why: string): readonly TestRun[] {
  return results.map((run) => {
    if (run.status !== 'waiting') return run
    return run.attempts.length > 0
      ? { ...run, status: 'failed' }
      : { ...run, status: 'skipped', message: why }
  })
}

function ended(
  results: readonly TestRun[],
  [from, to]: readonly [TestRun['status'], TestRun['status']],
  message: string,
): readonly TestRun[] {
  return results.map((run) => (run.status === from ? { ...run, status: to, message } : run))
}

function isCriticalFailure({ severity, status }: TestRun): boolean {
  return severity === 'critical' && status === 'failed'
}

function recorded(run: TestRun, answer: TestAnswer, retries: number): TestRun {
  const attempts = [...run.attempts, answer]
  const isRepeated = answer.status === 'failed' && attempts.length <= retries
  return {
    ...run,
    status: isRepeated ? 'waiting' : answer.status,
    message: answer.message,
    durationMs: run.durationMs + answer.durationMs,
    attempts,
  }
}
