import { describe, expect, test } from 'vitest'

import { EXIT, exitCodeOf, exitCodeOfError } from '../../src/cli/exit-code.ts'
import { AdapterError, UsageError } from '../../src/errors.ts'
import type { Cause, Ending } from '../../src/events/outcome.ts'
import { endedAs, viewOf } from './view-kit.ts'

describe('the exit code of a rollout', () => {
  const endings: readonly (readonly [Ending, Cause | null, number])[] = [
    ['promoted', null, 0],
    ['passed', null, 0],
    ['rolled-back', 'metrics-degraded', 10],
    ['rolled-back', 'instance-exited', 10],
    ['rolled-back', 'suspicion-unresolved', 10],
    ['failed', 'staging-failed', 10],
    ['rolled-back', 'abort', 11],
    ['rolled-back', 'manual', 11],
    ['failed', 'abort', 11],
    ['superseded', 'claim-lost', 11],
    ['aborted', 'abort', 11],
    ['rolled-back', 'smoke-test-failure', 12],
    ['failed', 'smoke-test-failure', 12],
  ]
  test.each(endings)('that is %s because of %s is %i', (status, cause, code) => {
    expect(exitCodeOf(endedAs({ status, cause, reason: null }))).toBe(code)
  })

  test.each([
    ['paused', viewOf({ state: 'paused' })],
    ['frozen', viewOf({ state: 'frozen' })],
    ['parked', viewOf({ status: 'parked', parked: 'a guard threw' })],
    ['stranded', viewOf({ outcome: { status: 'stranded', cause: 'abort', reason: null } })],
  ])('that is %s says that it needs a person', (_, view) => {
    expect(exitCodeOf(view)).toBe(EXIT.needsPerson)
  })

  test('that goes on says that the wait is over', () => {
    expect(exitCodeOf(viewOf())).toBe(EXIT.timedOut)
  })
})

describe('the exit code of an error', () => {
  test.each([
    [new UsageError('CONFIG_INVALID', ''), 78],
    [new UsageError('ROLLOUT_IN_PROGRESS', ''), 75],
    [new UsageError('ARGUMENT_INVALID', ''), 2],
    [new UsageError('EVENT_REFUSED', ''), 2],
    [new AdapterError('STORE_UNAVAILABLE', ''), 1],
    [new TypeError('a bug'), 1],
    ['thrown', 1],
  ])('%o is %i', (error, code) => {
    expect(exitCodeOfError(error)).toBe(code)
  })
})

test('every exit code means one thing', () => {
  expect(new Set(Object.values(EXIT)).size).toBe(Object.keys(EXIT).length)
})
