// The words of a rollback: what it is told and knows, what it asks for, and what an event means to it.
import { assign, setup } from 'xstate'

import type { Cause } from '../events/outcome.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import { allTo, isAllOn } from '../events/share.ts'
import { type Commands, commands } from './command.ts'
import { reasonOf } from './reason.ts'
import { backOff } from './timing.ts'

/** What a rollback is told once, at its start. All times in milliseconds of the controller's clock. */
export interface RollbackInput {
  /** Where to go back to; null for nowhere, when what is left was the first release. */
  readonly target: string | null
  /** Every other version that runs: to be drained and stopped afterwards. */
  readonly from: readonly string[]
  /** Whether the target has to be started first. */
  readonly restore: boolean
  /**
   * Where traffic goes while the target is being restored: what the rollout that had moved it would return to; null when
   * it has not moved, or that does not run.
   */
  readonly back: string | null
  /** The claim under which all of its traffic changes are made. */
  readonly claim: number
  readonly cause: Cause
  readonly reason: string
  /** How long restoring may take. */
  readonly stagingMs: number
  /** How long the open requests of a version that is left may go on. */
  readonly drainMs: number
  /** How long a version may take to stop. */
  readonly stopMs: number
  /** How long the change of traffic may stay unconfirmed before people are called (it is tried for ever). */
  readonly returnBudgetMs: number
  /** How long the target is watched after it got all traffic. */
  readonly verifyMs: number
}

export interface RollbackContext extends Pick<RollbackInput, 'from' | 'cause' | 'reason'> {
  /** What it was told: apart from the rest, so that a step copies only what can change. */
  readonly plan: RollbackInput
  /** Counts its changes of traffic; with the claim it is the generation in force. */
  readonly n: number
  /** How often the change of traffic has been asked for. */
  readonly tries: number
  readonly health: 'unknown' | 'healthy' | 'suspect' | 'unhealthy'
  /** Whether the target was healthy when it had been watched for long enough. */
  readonly verified: boolean
  /** Versions of which no instance runs any more. */
  readonly stopped: readonly string[]
  /** How many of their requests had to be cut. */
  readonly cut: number
  /** Versions that may still run: nobody said that they ended. */
  readonly leftBehind: readonly string[]
}

/** What traffic can be taken back to. */
type Where = 'back' | 'target'

interface Args {
  readonly context: RollbackContext
  readonly event: RolloutEvent
}

export const rollbackWords = setup({
  types: {
    context: {} as RollbackContext,
    events: {} as RolloutEvent,
    input: {} as RollbackInput,
  },
  actions: {
    ...commands,
    /** A new intent: the next generation. */
    askAnew: assign({ n: ({ context }) => context.n + 1, tries: 0 }),
    countTry: assign({ tries: ({ context }) => context.tries + 1 }),
    keepReason: assign(({ event }) => reasonOf(event)),
    noteHealth: assign(({ event }) => (event.type === 'probe.concluded' ? { health: event.health } : {})),
    verify: assign({ verified: true }),
    noteCut: assign(({ context, event }) =>
      event.type === 'traffic.drained' ? { cut: context.cut + event.cut } : {},
    ),
    noteStopped: assign(({ context: { from, stopped } }) => ({
      from: from.slice(1),
      stopped: [...stopped, ...from.slice(0, 1)],
    })),
    noteLeftBehind: assign(({ context: { from, leftBehind } }) => ({
      from: from.slice(1),
      leftBehind: [...leftBehind, ...from.slice(0, 1)],
    })),
  },
  guards: {
    isToReturnFirst: ({ context: { plan } }) => plan.restore && plan.back !== null,
    isToBeRestored: ({ context }) => context.plan.restore,
    isTarget: ({ context, event }) => 'version' in event && event.version === context.plan.target,
    isLeft,
    isTheLastLeft: (args) => isLeft(args) && args.context.from.length === 1,
    hasMoreToLeave: ({ context }) => context.from.length > 1,
    hasNothingToLeave: ({ context }) => context.from.length === 0,
    isHealthy: ({ context }) => context.health === 'healthy',
    isHealthyWithNothingToLeave: ({ context }) => context.health === 'healthy' && context.from.length === 0,
    confirms,
    confirmsReturn: (args) => isReadBack(args, args.context.plan.back),
    confirmsNowhere: (args) => confirms(args) && args.context.plan.target === null,
    confirmsNowhereWithNothingToLeave: (args) =>
      confirms(args) && args.context.plan.target === null && args.context.from.length === 0,
  },
})

export const target = ({ context }: { context: RollbackContext }) => ({ version: context.plan.target ?? '' })
export const left = ({ context }: { context: RollbackContext }) => ({ version: context.from[0] ?? '' })
const shiftTo =
  (where: Where) =>
  ({ context: { plan, n } }: Pick<Args, 'context'>): Commands['shiftTraffic'] => ({
    split: allTo(plan[where]),
    generation: { claim: plan.claim, n },
  })

export const ask = [
  'countTry',
  { type: 'shiftTraffic', params: shiftTo('target') },
  backOff('tries'),
] as const
export const askBack = [
  'countTry',
  { type: 'shiftTraffic', params: shiftTo('back') },
  backOff('tries'),
] as const

export const pageStranded = (where: Where) =>
  ({
    type: 'page',
    params: ({ context: { plan, reason } }: Pick<Args, 'context'>) => ({
      message: `Traffic could not be taken back to ${plan[where] ?? 'nothing'} yet: ${reason}`,
    }),
  }) as const

export const pageFailure = {
  type: 'page',
  params: ({ context }: { context: RollbackContext }) => ({
    message: `${context.plan.target ?? 'nothing'} could not be restored: ${context.reason}`,
  }),
} as const

function isLeft({ context, event }: Args): boolean {
  return 'version' in event && event.version === context.from[0]
}

function confirms(args: Args): boolean {
  return isReadBack(args, args.context.plan.target)
}

/** Whether the router was read back, for what it was asked for last, with everything on a version. */
function isReadBack({ context: { plan, n }, event }: Args, version: string | null): boolean {
  return (
    event.type === 'traffic.shifted' &&
    event.generation.claim === plan.claim &&
    event.generation.n === n &&
    isAllOn(event.split, version)
  )
}
