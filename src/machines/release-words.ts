// The words of a release, for canary and blue-green alike: going back must not depend on how one went forward. The order
// of states is each strategy's own.
import { assign, setup } from 'xstate'

import type { RolloutEvent } from '../events/rollout-event.ts'
import { EVERYTHING, NOTHING } from '../units.ts'
import { type Commands, commands } from './command.ts'
import {
  clears,
  completesBake,
  isCurrent,
  isHarm,
  isInForce,
  isNews,
  isOurs,
  isSuspicious,
  suspectedAfter,
  trustedAfter,
} from './evidence.ts'
import { reasonOf } from './reason.ts'
import {
  askFor,
  askForStep,
  bakedFor,
  generationOf,
  isBound,
  isLastStep,
  isRetiredElsewhere,
  nextStep,
  type ReleaseContext,
  type ReleaseInput,
  wantedSplit,
} from './release-context.ts'

export const release = setup({
  types: {
    context: {} as ReleaseContext,
    events: {} as RolloutEvent,
    input: {} as ReleaseInput,
  },
  actions: {
    ...commands,
    askForStep: assign(({ context }) => askForStep(context, context.step)),
    askForNextStep: assign(({ context }) => askForStep(context, nextStep(context))),
    askForLastStep: assign(({ context }) => askForStep(context, context.plan.steps.length - 1)),
    askForRequested: assign(({ context, event }) =>
      event.type === 'weight.requested'
        ? { ...askFor(context, event.weight), observedMs: 0, hold: true }
        : {},
    ),
    askForEverything: assign(({ context }) => askFor(context, EVERYTHING)),
    askForNothing: assign(({ context }) => askFor(context, NOTHING)),
    /** The same weight under a new generation: whether it is in force has to be read back anew. */
    askForTheSame: assign(({ context }) => askFor(context, context.weight)),
    countReturn: assign({ returns: ({ context }) => context.returns + 1 }),
    observe: assign({
      observedMs: ({ context, event }) =>
        context.observedMs + (event.type === 'analysis.concluded' ? event.observedMs : 0),
    }),
    bakeAsAsked: assign(({ context: { plan }, event }) =>
      event.type === 'monitor.requested' && event.bakeMs !== undefined
        ? { plan: bakedFor(plan, event.bakeMs) }
        : {},
    ),
    suspect: assign({ suspects: suspectedAfter }),
    trust: assign({ suspects: trustedAfter }),
    hold: assign({ hold: true }),
    /** Why it stayed is over, too. */
    goOn: assign({ hold: false, cause: null, reason: null }),
    keepReason: assign(({ event }) => reasonOf(event)),
    keepSuspicion: assign({
      cause: 'suspicion-unresolved',
      reason: ({ context }) => `${context.suspects.join(' and ')} suspected harm for too long`,
    }),
    reportSilence: assign({ reason: 'no step forward for as long as the progress deadline allows' }),
  },
  guards: {
    isOurs,
    isOldVersions: ({ context, event }) => 'version' in event && event.version === context.plan.stable,

    isCurrent,
    isCurrentAndBound: (args) => isCurrent(args) && isBound(args.context),
    isInForce,
    isInForceAndHeld: (args) => isInForce(args) && args.context.hold,
    isInForceAndManual: (args) => isInForce(args) && args.context.plan.gates === 'manual',
    isInForceAndSuspected: (args) => isInForce(args) && args.context.suspects.length > 0,
    isInForceAndRetired: (args) => isInForce(args) && isRetiredElsewhere(args.context),

    isHarm,
    isHarmAndBound: (args) => isHarm(args) && isBound(args.context),
    isSuspicious,
    isNewlySuspicious: (args) => isSuspicious(args) && isNews(args),
    isNewlyBad: (args) => (isHarm(args) || isSuspicious(args)) && isNews(args),
    isHarmless: (args) =>
      args.event.type === 'analysis.concluded' && isCurrent(args) && !isHarm(args) && !isSuspicious(args),
    clears,
    clearsTheLast: (args) => clears(args) && trustedAfter(args).length === 0,
    clearsTheLastAndHeld: (args) => clears(args) && trustedAfter(args).length === 0 && args.context.hold,
    completesTheBake: completesBake,
    completesTheLastBake: (args) => completesBake(args) && isLastStep(args.context),
    completesTheBakeAndRetired: (args) => completesBake(args) && isRetiredElsewhere(args.context),

    isAuto: ({ context }) => context.plan.gates === 'auto',
    isOursAndManual: (args) => isOurs(args) && args.context.plan.gates === 'manual',
    isOursAndHeld: (args) => isOurs(args) && args.context.hold,
    isHeld: ({ context }) => context.hold,
    isFirst: ({ context }) => context.plan.stable === null,
    isOursAndFirst: (args) => isOurs(args) && args.context.plan.stable === null,
    isSuspected: ({ context }) => context.suspects.length > 0,
    isUnsuspected: ({ context }) => context.suspects.length === 0,
    isUnsuspectedBeforeTraffic: ({ context }) => context.n === 0 && context.suspects.length === 0,
    isSuspectedWithTraffic: ({ context }) => context.n > 0 && context.suspects.length > 0,
    hasTraffic: ({ context }) => context.n > 0,
    isBound: ({ context }) => isBound(context),

    /** Where automatic failure may not go back, only a person who insists does. */
    mayReturn: ({ context, event }) =>
      !isBound(context) || (event.type === 'abort.requested' && event.force === true),
    /** Nobody advances while harm is suspected; the last bake is skipped for nobody. */
    mayAdvance: ({ context }) => context.suspects.length === 0 && !isLastStep(context),
    mayAdvanceToTheLast: ({ context, event }) =>
      context.suspects.length === 0 &&
      !isLastStep(context) &&
      event.type === 'promote.requested' &&
      event.full === true,
    /** A person may lower at any time, and raise while nothing is suspected. */
    maySetWeight: ({ context, event }) =>
      context.plan.stable !== null &&
      event.type === 'weight.requested' &&
      (context.suspects.length === 0 || event.weight < context.weight),
  },
})

/** What a command's parameters are made of. */
export interface Asking {
  readonly context: ReleaseContext
}

export const shift = ({ context }: Asking): Commands['shiftTraffic'] => ({
  split: wantedSplit(context),
  generation: generationOf(context),
})

export const newVersion = ({ context }: Asking) => ({ version: context.plan.version })

export const oldVersion = ({ context }: Asking) => ({ version: context.plan.stable ?? '' })
