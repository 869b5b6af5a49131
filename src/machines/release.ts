// What canary and blue-green have in common: the words of a release (context, actions, guards) and the regions that are
// the same in both, because going back must not depend on how one went forward. The order of states is each strategy's own.
import { assign, setup } from 'xstate'

import type { Generation } from '../events/generation.ts'
import type { Cause } from '../events/outcome.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import { allTo, isAllOn, type Split, splitBetween } from '../events/share.ts'
import { EVERYTHING, NOTHING, type Weight } from '../units.ts'
import { type Commands, commands } from './command.ts'

/** One step of a release: the most of the traffic the new version may get, and how long it is watched there. */
export interface ReleaseStep {
  readonly weight: Weight
  /** Observed time, not elapsed time: only windows in which all required evidence was seen count. */
  readonly bakeMs: number
}

/** What a release is told once, at its start. All times in milliseconds of the controller's clock. */
export interface ReleaseInput {
  readonly version: string
  /** The version to return to; null for the first release of a service. */
  readonly stable: string | null
  /** The claim under which all of this release's traffic changes are made. */
  readonly claim: number
  readonly steps: readonly ReleaseStep[]
  /** `manual` waits for a person at each gate of a blue-green release. */
  readonly gates: 'auto' | 'manual'
  /** Whether the old version is left running for someone else to retire (a pipeline that still has tests to run). */
  readonly keepStable: boolean
  /** False when going back would break what this version has changed: then only a person who insists goes back. */
  readonly reversible: boolean
  /** How long staging may take. */
  readonly stagingMs: number
  /** How long one change of traffic may take to be confirmed. */
  readonly shiftingMs: number
  /** How long one step may go without advancing before it waits for a person. */
  readonly progressMs: number
  /** How long suspicion may last before it counts as harm. */
  readonly degradedMs: number
  /** How long the old version stays warm after the last bake. */
  readonly retireMs: number
  readonly drainMs: number
  readonly rollbackDrainMs: number
  /** How long a return may stay unconfirmed before people are called (it is tried for ever). */
  readonly returnBudgetMs: number
}

type Watcher = 'analysis' | 'probe'

export interface ReleaseContext extends ReleaseInput {
  /** Counts this release's changes of traffic; with the claim it is the generation in force. */
  readonly n: number
  /** The step that is being walked, counted from 0. */
  readonly step: number
  /** The new version's share that was last asked for. */
  readonly weight: Weight
  /** How much of the current bake has been observed. */
  readonly observedMs: number
  /** Whether a person wants it to stay at the next place where it can. */
  readonly hold: boolean
  /** Who suspects harm at the moment. */
  readonly suspects: readonly Watcher[]
  /** How often the return has been tried. */
  readonly returns: number
  readonly cause: Cause | null
  readonly reason: string | null
}

interface Args {
  readonly context: ReleaseContext
  readonly event: RolloutEvent
}

const SLACK_MS = 5_000
const LONGEST_RETRY_MS = 30_000

export const release = setup({
  types: {
    context: {} as ReleaseContext,
    events: {} as RolloutEvent,
    input: {} as ReleaseInput,
  },
  actions: {
    ...commands,
    askForStep: assign(({ context }) => askFor(context, context.steps[context.step]?.weight ?? NOTHING)),
    askForNextStep: assign(({ context }) => {
      const step = nextStep(context)
      return { ...askFor(context, context.steps[step]?.weight ?? NOTHING), step, observedMs: 0 }
    }),
    askForLastStep: assign(({ context }) => {
      const step = context.steps.length - 1
      return { ...askFor(context, context.steps[step]?.weight ?? NOTHING), step, observedMs: 0 }
    }),
    askForEverything: assign(({ context }) => askFor(context, EVERYTHING)),
    /** The same once more, so that it is known to be in force. */
    askAgain: assign(({ context }) => askFor(context, context.weight)),
    askForNothing: assign(({ context }) => ({ ...askFor(context, NOTHING), returns: context.returns + 1 })),
    askForRequested: assign(({ context, event }) =>
      event.type === 'weight.requested'
        ? { ...askFor(context, event.weight), observedMs: 0, hold: true }
        : {},
    ),
    observe: assign({
      observedMs: ({ context, event }) =>
        context.observedMs + (event.type === 'analysis.concluded' ? event.observedMs : 0),
    }),
    suspect: assign({ suspects: ({ context, event }) => [...without(context, event), ...watcherOf(event)] }),
    trust: assign({ suspects: ({ context, event }) => without(context, event) }),
    /** A person goes on in spite of a suspicion: it has to be raised anew. */
    forgive: assign({ suspects: [] }),
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
    /** Only the generation asked for last counts: routers and networks answer late. */
    isCurrent: ({ context, event }) => 'generation' in event && isGeneration(context, event.generation),
    isCurrentAndHeld: ({ context, event }) =>
      context.hold && 'generation' in event && isGeneration(context, event.generation),
    isCurrentAndSuspected: ({ context, event }) =>
      context.suspects.length > 0 && 'generation' in event && isGeneration(context, event.generation),
    isCurrentThatStays: ({ context, event }) =>
      !context.reversible && 'generation' in event && isGeneration(context, event.generation),
    isOurs: ({ context, event }) => 'version' in event && event.version === context.version,
    isOldVersions: ({ context, event }) => 'version' in event && event.version === context.stable,
    isHarm: (args) => isHarm(args),
    isHarmThatStays: (args) => !args.context.reversible && isHarm(args),
    isOurExit: ({ context, event }) => event.type === 'version.exited' && event.version === context.version,
    isOurExitThatStays: ({ context, event }) =>
      !context.reversible && event.type === 'version.exited' && event.version === context.version,
    isSuspicious: (args) => isSuspicion(args, 'raised'),
    clearsTheLastSuspicionAndHeld: (args) =>
      args.context.hold && isSuspicion(args, 'cleared') && without(args.context, args.event).length === 0,
    clearsTheLastSuspicion: (args) =>
      isSuspicion(args, 'cleared') && without(args.context, args.event).length === 0,
    clearsASuspicion: (args) => isSuspicion(args, 'cleared'),
    mayReturn: ({ context, event }) =>
      context.reversible || (event.type === 'abort.requested' && event.force === true),
    isIrreversible: ({ context }) => !context.reversible,
    completesTheLastBake: (args) => completesBake(args) && isLastStep(args.context),
    completesTheBake: (args) => completesBake(args),
    isHarmless: (args) =>
      args.event.type === 'analysis.concluded' &&
      isGeneration(args.context, args.event.generation) &&
      !isHarm(args),
    mayAdvance: ({ context }) => isTrusted(context) && !isLastStep(context),
    mayAdvanceToTheLast: ({ context, event }) =>
      isTrusted(context) && !isLastStep(context) && event.type === 'promote.requested' && event.full === true,
    /** A person may always lower, and raise while nothing is suspected. */
    lowers: ({ context, event }) => event.type === 'weight.requested' && event.weight < context.weight,
    lowersOrIsTrusted: ({ context, event }) =>
      event.type === 'weight.requested' && (isTrusted(context) || event.weight < context.weight),
    isManual: ({ context }) => context.gates === 'manual',
    /** There is no old version, or someone else retires it. */
    isRetiredElsewhere: ({ context }) => context.stable === null || context.keepStable,
    confirmsEverything: ({ context, event }) =>
      event.type === 'traffic.shifted' &&
      isGeneration(context, event.generation) &&
      isAllOn(event.split, context.version),
    confirmsEverythingAndRetired: ({ context, event }) =>
      (context.stable === null || context.keepStable) &&
      event.type === 'traffic.shifted' &&
      isGeneration(context, event.generation) &&
      isAllOn(event.split, context.version),
    confirmsReturn: ({ context, event }) =>
      event.type === 'traffic.shifted' &&
      isGeneration(context, event.generation) &&
      isAllOn(event.split, context.stable),
    isOursAndFirst: ({ context, event }) =>
      context.stable === null && 'version' in event && event.version === context.version,
    isFirst: ({ context }) => context.stable === null,
  },
})

export function begin({ input }: { input: ReleaseInput }): ReleaseContext {
  return {
    ...input,
    n: 0,
    step: 0,
    weight: NOTHING,
    observedMs: 0,
    hold: false,
    suspects: [],
    returns: 0,
    cause: null,
    reason: null,
  }
}

export function generationOf({ claim, n }: ReleaseContext): Generation {
  return { claim, n }
}

/** What the router should do now, for the generation in force. */
export function wantedSplit({ version, weight, stable }: ReleaseContext): Split {
  return weight === NOTHING ? allTo(stable) : splitBetween(version, weight, stable)
}

export const shift = ({ context }: { context: ReleaseContext }): Commands['shiftTraffic'] => ({
  split: wantedSplit(context),
  generation: generationOf(context),
})

type Span = 'stagingMs' | 'shiftingMs' | 'progressMs' | 'degradedMs' | 'retireMs' | 'returnBudgetMs'

/** Parameters of a timer that lasts as long as one of the input's times says. */
export const lasting =
  (timer: Commands['startTimer']['timer'], span: Span) =>
  ({ context }: { context: ReleaseContext }): Commands['startTimer'] => ({ timer, ms: context[span] })

/** A deadline for an answer that has a time limit of its own: a little longer than that. */
export const outlasting =
  (span: 'drainMs' | 'rollbackDrainMs') =>
  ({ context }: { context: ReleaseContext }): Commands['startTimer'] => ({
    timer: 'deadline',
    ms: context[span] + SLACK_MS,
  })

export const newVersion = ({ context }: { context: ReleaseContext }) => ({ version: context.version })

export const oldVersion = ({ context }: { context: ReleaseContext }) => ({ version: context.stable ?? '' })

/** Capped exponential back-off: 1 s, 2 s, 4 s … 30 s. */
export const backOff = ({ context }: { context: ReleaseContext }): Commands['startTimer'] => ({
  timer: 'retry',
  ms: Math.min(LONGEST_RETRY_MS, 1_000 * 2 ** Math.min(context.returns - 1, 10)),
})

export const cancelDeadline = { type: 'cancelTimer', params: { timer: 'deadline' } } as const
export const cancelRetry = { type: 'cancelTimer', params: { timer: 'retry' } } as const

/** A new split is judged afresh; what the probe suspects does not depend on the split. */
function askFor(context: ReleaseContext, weight: Weight) {
  const suspects = context.suspects.filter((watcher) => watcher !== 'analysis')
  return { weight, n: context.n + 1, suspects }
}

function isTrusted({ suspects }: ReleaseContext): boolean {
  return suspects.length === 0
}

function isGeneration(context: ReleaseContext, { claim, n }: Generation): boolean {
  return claim === context.claim && n === context.n
}

/** The first step above what the new version gets now; a weight set by hand may lie between two steps. */
function nextStep({ steps, weight, step }: ReleaseContext): number {
  const higher = steps.findIndex((candidate) => candidate.weight > weight)
  return higher === -1 ? step : higher
}

function isLastStep(context: ReleaseContext): boolean {
  return context.steps.every(({ weight }) => weight <= context.weight)
}

function completesBake({ context, event }: Args): boolean {
  if (event.type !== 'analysis.concluded' || event.verdict.kind !== 'pass') return false
  if (event.suspicion === 'raised') return false
  const bakeMs = context.steps[context.step]?.bakeMs ?? 0
  return isGeneration(context, event.generation) && context.observedMs + event.observedMs >= bakeMs
}

function isHarm({ context, event }: Args): boolean {
  if (event.type === 'probe.concluded') {
    return event.health === 'unhealthy' && event.version === context.version
  }
  return (
    event.type === 'analysis.concluded' &&
    event.verdict.kind === 'fail' &&
    isGeneration(context, event.generation)
  )
}

/** A verdict of harm is no suspicion, although it raises one: it must take traffic back, not only freeze it. */
function isSuspicion(args: Args, kind: 'raised' | 'cleared'): boolean {
  const { context, event } = args
  if (event.type === 'probe.concluded') {
    return event.version === context.version && event.health === (kind === 'raised' ? 'suspect' : 'healthy')
  }
  if (event.type !== 'analysis.concluded' || isHarm(args)) return false
  return isGeneration(context, event.generation) && event.suspicion === kind
}

function watcherOf(event: RolloutEvent): readonly Watcher[] {
  if (event.type === 'probe.concluded') return ['probe']
  return event.type === 'analysis.concluded' ? ['analysis'] : []
}

function without({ suspects }: ReleaseContext, event: RolloutEvent): readonly Watcher[] {
  return suspects.filter((watcher) => !watcherOf(event).includes(watcher))
}

function reasonOf(event: RolloutEvent): { cause: Cause; reason: string } {
  switch (event.type) {
    case 'abort.requested':
      return { cause: event.cause ?? 'abort', reason: event.reason ?? 'a person asked for it' }
    case 'analysis.concluded':
      return { cause: 'metrics-degraded', reason: verdictReason(event.verdict) }
    case 'probe.concluded':
      return { cause: 'health-check-failure', reason: event.reason }
    case 'version.exited':
      return { cause: 'instance-exited', reason: event.reason }
    case 'version.failed':
      return { cause: 'staging-failed', reason: event.reason }
    case 'traffic.rejected':
      return { cause: 'router-refused', reason: event.reason }
    case 'claim.lost':
      return { cause: 'claim-lost', reason: `${event.by} took the service` }
    default:
      return { cause: 'deployment-timeout', reason: 'it took longer than its deadline allows' }
  }
}

function verdictReason(verdict: { readonly kind: string; readonly reason?: string }): string {
  return verdict.reason ?? verdict.kind
}
