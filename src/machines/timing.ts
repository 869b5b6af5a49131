// How long machines wait where nobody has configured it.
import type { Commands } from './command.ts'

/** A deadline for an answer that has a time limit of its own is this much longer. */
const SLACK_MS = 5_000
const LONGEST_RETRY_MS = 30_000

/** A deadline for an answer that ends by itself after `ms`. */
export function deadlineAfter(ms: number): Commands['startTimer'] {
  return { timer: 'deadline', ms: ms + SLACK_MS }
}

/** Capped exponential back-off after `tries` attempts: 1 s, 2 s, 4 s … 30 s. */
export function retryAfter(tries: number): Commands['startTimer'] {
  return { timer: 'retry', ms: Math.min(LONGEST_RETRY_MS, 1_000 * 2 ** Math.min(tries - 1, 10)) }
}

export const cancelBudget = { type: 'cancelTimer', params: { timer: 'budget' } } as const
export const cancelDeadline = { type: 'cancelTimer', params: { timer: 'deadline' } } as const
export const cancelProgress = { type: 'cancelTimer', params: { timer: 'progress' } } as const
export const cancelRetire = { type: 'cancelTimer', params: { timer: 'retire' } } as const
export const cancelRetry = { type: 'cancelTimer', params: { timer: 'retry' } } as const
