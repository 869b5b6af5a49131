// The alarms that machines set and cancel.
import type { TimerName } from '../events/rollout-event.ts'
import type { Commands } from './command.ts'

/** A deadline for an answer that has a time limit of its own is this much longer. */
const SLACK_MS = 5_000
const LONGEST_RETRY_MS = 30_000

/** A context that keeps, in what its machine was told, how long something may take. */
export interface Timed<Span extends string> {
  readonly context: { readonly plan: Readonly<Record<Span, number>> }
}

/** A context in which a machine counts. */
export interface Counting<Count extends string> {
  readonly context: Readonly<Record<Count, number>>
}

/** Starts a timer that lasts as long as one of the machine's times says. */
export const wait = <Span extends string>(timer: TimerName, span: Span) =>
  ({
    type: 'startTimer',
    params: ({ context }: Timed<Span>): Commands['startTimer'] => ({ timer, ms: context.plan[span] }),
  }) as const

/** Starts a deadline for an answer that has a time limit of its own: a little longer than that. */
export const outlast = <Span extends string>(span: Span) =>
  ({
    type: 'startTimer',
    params: ({ context }: Timed<Span>): Commands['startTimer'] => ({
      timer: 'deadline',
      ms: context.plan[span] + SLACK_MS,
    }),
  }) as const

/** Starts the wait before the next attempt, with capped exponential back-off: 1 s, 2 s, 4 s … 30 s. */
export const backOff = <Count extends string>(tries: Count) =>
  ({
    type: 'startTimer',
    params: ({ context }: Counting<Count>): Commands['startTimer'] => ({
      timer: 'retry',
      ms: Math.min(LONGEST_RETRY_MS, 1_000 * 2 ** Math.min(context[tries] - 1, 10)),
    }),
  }) as const

export const cancelBudget = { type: 'cancelTimer', params: { timer: 'budget' } } as const
export const cancelDeadline = { type: 'cancelTimer', params: { timer: 'deadline' } } as const
export const cancelProgress = { type: 'cancelTimer', params: { timer: 'progress' } } as const
export const cancelRetire = { type: 'cancelTimer', params: { timer: 'retire' } } as const
export const cancelRetry = { type: 'cancelTimer', params: { timer: 'retry' } } as const
