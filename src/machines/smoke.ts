// The smoke machine: runs a suite of tests against one version, so many at a time, each as often as its retries allow.
// What an answer means for the suite is in `suite.ts`; how long an attempt may take is the engine's business.
import { assign, enqueueActions, setup, type SnapshotFrom } from 'xstate'

import { UsageError } from '../errors.ts'
import type { Cause, Outcome } from '../events/outcome.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import { commands } from './command.ts'
import { reasonOf } from './reason.ts'
import { bounded, pathOf, strategy } from './strategy.ts'
import {
  answered,
  complaints,
  dropped,
  due,
  givenUp,
  isAwaited,
  isDone,
  isPassed,
  type Suite,
  started,
  type SuiteTest,
  untouched,
} from './suite.ts'
import { cancelBudget, wait } from './timing.ts'

/** What a run of smoke tests is told once, at its start. */
export interface SmokeInput {
  /** At least one. */
  readonly tests: readonly SuiteTest[]
  /** Whether the first critical failure skips what has not been started. */
  readonly failFast: boolean
  /** How many tests may run at the same time, at least 1. */
  readonly concurrency: number
  /** How long all of them together may take, in milliseconds. */
  readonly budgetMs: number
}

export interface SmokeContext extends Pick<Suite, 'results'> {
  /** What it was told: apart from the rest, so that a step copies only what can change. */
  readonly plan: SmokeInput
  readonly cause: Cause | null
  readonly reason: string | null
}

interface Args {
  readonly context: SmokeContext
  readonly event: RolloutEvent
}

const OUT_OF_TIME = 'the time of the whole suite is spent'
const ABORTED = 'the suite was aborted'

const smokeSetup = setup({
  types: {
    context: {} as SmokeContext,
    events: {} as RolloutEvent,
    input: {} as SmokeInput,
  },
  actions: {
    ...commands,
    record: assign((args) => ({ results: suiteAfter(args).results })),
    runWhatMay: enqueueActions(({ context, enqueue }) => {
      const attempts = due(suiteOf(context))
      enqueue.assign({ results: started(context.results, attempts) })
      for (const params of attempts) enqueue({ type: 'runTest', params })
    }),
    giveUp: assign({ results: ({ context }) => givenUp(context.results, OUT_OF_TIME) }),
    dropAll: assign({ results: ({ context }) => dropped(context.results, ABORTED) }),
    complain: assign({
      cause: 'smoke-test-failure',
      reason: ({ context }) => complaints(context),
    }),
    keepReason: assign(({ event }) => reasonOf(event)),
  },
  guards: {
    isAwaited: (args) => args.event.type === 'test.concluded' && isAwaited(args.context, args.event),
    isTheLastAndPassed: (args) => completes(args) && isPassed(suiteAfter(args)),
    isTheLast: completes,
    /** What is still open is not needed: all that is critical has passed. */
    isPassedAnyway: ({ context }) => isPassed(context),
  },
})

export const smokeMachine = smokeSetup.createMachine({
  id: 'smoke',
  description: 'Runs smoke tests against a version; it passes when every critical one does.',
  options: bounded,
  context: ({ input }) => {
    if (input.tests.length === 0) {
      throw new UsageError('ARGUMENT_INVALID', 'tests: a suite without tests proves nothing', {
        hint: 'Name at least one test',
      })
    }
    return { plan: input, results: untouched(input.tests), cause: null, reason: null }
  },
  initial: 'verifying',
  states: {
    verifying: {
      description: 'Tests run, as many at a time as allowed; each attempt is recorded.',
      entry: ['runWhatMay', wait('budget', 'budgetMs')],
      exit: cancelBudget,
      on: {
        'test.concluded': [
          {
            guard: 'isTheLastAndPassed',
            target: 'passed',
            actions: 'record',
            description: 'the last answer, and every critical test has passed',
          },
          {
            guard: 'isTheLast',
            target: 'failed',
            actions: ['record', 'complain'],
            description: 'the last answer, and a critical test has not passed',
          },
          {
            guard: 'isAwaited',
            actions: ['record', 'runWhatMay'],
            description: 'one answer: the next attempt starts',
          },
        ],
        'budget.elapsed': [
          {
            guard: 'isPassedAnyway',
            target: 'passed',
            actions: 'giveUp',
            description: 'out of time, but every critical test has passed',
          },
          { target: 'failed', actions: ['giveUp', 'complain'], description: 'out of time' },
        ],
        'abort.requested': {
          target: 'aborted',
          actions: ['dropAll', 'keepReason'],
          description: 'a person says so',
        },
      },
    },

    passed: { type: 'final', description: 'Every critical test has passed.' },
    failed: { type: 'final', description: 'A critical test has failed, or was never answered.' },
    aborted: { type: 'final', description: 'A person ended it; nothing was proved.' },
  },
})

type SmokeSnapshot = SnapshotFrom<typeof smokeMachine>

const ENDINGS = ['passed', 'failed', 'aborted'] as const

export const smoke = strategy(smokeMachine, {
  name: 'smoke',
  version: 1,
  activitiesOf: () => [],

  outcomeOf({ value, context: { cause, reason } }: SmokeSnapshot): Outcome | null {
    const path = pathOf(value)
    const status = ENDINGS.find((ending) => ending === path)
    return status === undefined ? null : { status, cause, reason }
  },

  returnOf: () => null,
})

function suiteOf({ plan, results }: SmokeContext): Suite {
  return { ...plan, results }
}

function suiteAfter({ context, event }: Args): Suite {
  return event.type === 'test.concluded' ? answered(suiteOf(context), event) : suiteOf(context)
}

function completes(args: Args): boolean {
  const { context, event } = args
  return event.type === 'test.concluded' && isAwaited(context, event) && isDone(suiteAfter(args))
}
