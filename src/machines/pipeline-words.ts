// The words of a pipeline: what it is told and knows, what it asks for, and what an event means to it.
import { assign, setup } from 'xstate'

import { compareGenerations, type Generation } from '../events/generation.ts'
import type { Cause, Ending } from '../events/outcome.ts'
import type { OperatorEvent, RolloutEvent } from '../events/rollout-event.ts'
import { type Activity, analysing, probing } from './activity.ts'
import { type Commands, commands, type StrategyName } from './command.ts'
import { reasonOf } from './reason.ts'

/** What a pipeline is told once, at its start. All times in milliseconds of the controller's clock. */
export interface PipelineInput {
  readonly version: string
  /** What served before; null in a first release. */
  readonly stable: string | null
  /** The claim under which it holds the service; its children take younger ones. */
  readonly claim: number
  /** How the version is released. */
  readonly strategy: Extract<StrategyName, 'blue-green' | 'canary'>
  readonly hasSmoke: boolean
  /** False when going back would break what this version has changed: then only a person who insists goes back. */
  readonly reversible: boolean
  /** How long the old version stays warm after the smoke tests. */
  readonly retireMs: number
  /** How long the old version's open requests may go on. */
  readonly drainMs: number
  /** How long the old version may take to stop. */
  readonly stopMs: number
  /** How long the way back may take before people are called (it is tried for ever). */
  readonly undoMs: number
}

export interface PipelineContext {
  /** What it was told: apart from the rest, so that a step copies only what can change. */
  readonly plan: PipelineInput
  /** How many rollbacks have been started: the newest is the one that counts. */
  readonly rollbacks: number
  readonly cause: Cause | null
  readonly reason: string | null
}

interface Args {
  readonly context: PipelineContext
  readonly event: RolloutEvent
}

export const pipelineWords = setup({
  types: {
    context: {} as PipelineContext,
    events: {} as RolloutEvent,
    input: {} as PipelineInput,
  },
  actions: {
    ...commands,
    countRollback: assign({ rollbacks: ({ context }) => context.rollbacks + 1 }),
    keepReason: assign(({ event }) => reasonOf(event)),
    keepOutcome: assign(({ event }) =>
      event.type === 'child.ended' ? { cause: event.outcome.cause, reason: event.outcome.reason } : {},
    ),
    keepComplaint: assign({
      cause: 'smoke-test-failure',
      reason: ({ event }) => (event.type === 'child.ended' ? event.outcome.reason : null),
    }),
    /** A person goes on in spite of it. */
    overrule: assign({ cause: null, reason: null }),
  },
  guards: {
    isDeployedToTest: (args) => hasEnded(args, 'deploy', 'promoted') && args.context.plan.hasSmoke,
    isDeployedFirst: (args) => hasEnded(args, 'deploy', 'promoted') && args.context.plan.stable === null,
    isDeployed: (args) => hasEnded(args, 'deploy', 'promoted'),
    isDeployRolledBack: (args) => hasEnded(args, 'deploy', 'rolled-back'),
    isDeployFailed: (args) => hasEnded(args, 'deploy', 'failed'),
    isDeploySuperseded: (args) => hasEnded(args, 'deploy', 'superseded'),
    isPassedFirst: (args) => hasEnded(args, 'smoke', 'passed') && args.context.plan.stable === null,
    isPassed: (args) => hasEnded(args, 'smoke', 'passed'),
    isTested: (args) => hasEnded(args, 'smoke'),
    isTestedAndBound: (args) => hasEnded(args, 'smoke') && !args.context.plan.reversible,
    isUndone: (args) => hasEnded(args, 'rollback', 'rolled-back'),
    isUndoneFirst: (args) => hasEnded(args, 'rollback', 'rolled-back') && args.context.plan.stable === null,
    isUndoSuperseded: (args) => hasEnded(args, 'rollback', 'superseded'),
    isNotUndone: (args) => hasEnded(args, 'rollback'),

    isHarm,
    isHarmAndBound: (args) => isHarm(args) && !args.context.plan.reversible,
    isFirst: ({ context }) => context.plan.stable === null,
    isOldVersions: ({ context, event }) => 'version' in event && event.version === context.plan.stable,
    mayReturn: ({ context, event }) =>
      context.plan.reversible || (event.type === 'abort.requested' && event.force === true),
  },
})

/** What a command's parameters are made of. */
export interface Asking {
  readonly context: PipelineContext
}

export const deploy = { slot: 'deploy', run: 1 } as const
export const tests = { slot: 'smoke', run: 1 } as const

export const startRollback = {
  type: 'startChild',
  params: ({ context }: Asking): Commands['startChild'] => ({
    slot: 'rollback',
    run: context.rollbacks,
    strategy: 'rollback',
  }),
} as const

export const oldVersion = ({ context }: Asking) => ({ version: context.plan.stable ?? '' })

/** Passes what a person asks for down to the release, which knows whether it can. */
export const passDown = {
  type: 'tellChild',
  params: ({ event }: { event: RolloutEvent }): Commands['tellChild'] => ({
    ...deploy,
    event: event as OperatorEvent,
  }),
} as const

/** Whether it may go back was decided here: the release is not to ask again. */
export const abortDeploy = {
  type: 'tellChild',
  params: ({ context: { cause, reason } }: Asking): Commands['tellChild'] => ({
    ...deploy,
    event: { type: 'abort.requested', force: true, cause: cause ?? 'abort', reason: reason ?? '' },
  }),
} as const

export const endTests = {
  type: 'tellChild',
  params: { ...tests, event: { type: 'abort.requested', reason: 'the pipeline goes back' } },
} as const

/** Nothing serves beside a version that has been released, and no bake is left. */
export function watching({ version, claim }: PipelineInput): readonly Activity[] {
  const everything = { version, baseline: null, generation: judgedOf({ claim }), isBaking: false }
  return [probing(version), analysing(everything)]
}

/** A pipeline moves no traffic itself: what is said of it is said under its claim. */
function judgedOf({ claim }: Pick<PipelineInput, 'claim'>): Generation {
  return { claim, n: 0 }
}

/** Whether the newest child in a slot has ended, and how. */
function hasEnded({ context, event }: Args, slot: string, status?: Ending): boolean {
  if (event.type !== 'child.ended' || event.slot !== slot) return false
  const isNewest = slot !== 'rollback' || event.run === context.rollbacks
  return isNewest && (status === undefined || event.outcome.status === status)
}

function isHarm({ context: { plan }, event }: Args): boolean {
  switch (event.type) {
    case 'version.exited':
      return event.version === plan.version
    case 'probe.concluded':
      return event.health === 'unhealthy' && event.version === plan.version
    case 'analysis.concluded':
      return event.verdict.kind === 'fail' && compareGenerations(event.generation, judgedOf(plan)) === 0
    default:
      return false
  }
}
