import type { TestRunner } from '../../engine/ports.ts'
import type { TestAnswer } from '../../events/rollout-event.ts'

/** What is tested. */
export type Target = Parameters<TestRunner['run']>[1]

/** What came of it; how long it took is measured outside. */
export type Found = Pick<TestAnswer, 'status' | 'message'>

export function passed(message: string): Found {
  return { status: 'passed', message }
}

export function failed(message: string): Found {
  return { status: 'failed', message }
}
