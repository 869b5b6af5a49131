// What a release knows: what it was told at its start, and where it is.
import type { Generation } from '../events/generation.ts'
import type { Cause } from '../events/outcome.ts'
import { allTo, type Split, splitBetween } from '../events/share.ts'
import { NOTHING, type Weight } from '../units.ts'

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
  /** Rising; a blue-green release has one, for everything. */
  readonly steps: readonly ReleaseStep[]
  /** Which of two environments the new version takes; null where there are none. */
  readonly environment: 'blue' | 'green' | null
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
  /** How long the old version's open requests may go on. */
  readonly drainMs: number
  /** The same for the new version when it goes back. */
  readonly rollbackDrainMs: number
  /** How long a version may take to stop. */
  readonly stopMs: number
  /** How long a return may stay unconfirmed before people are called (it is tried for ever). */
  readonly returnBudgetMs: number
}

/** Who can suspect harm. */
export type Watcher = 'analysis' | 'probe'

export interface ReleaseContext {
  /** What it was told: apart from the rest, so that a step copies only what can change. */
  readonly plan: ReleaseInput
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

export function begin({ input }: { input: ReleaseInput }): ReleaseContext {
  return {
    plan: input,
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

export function generationOf({ plan, n }: ReleaseContext): Generation {
  return { claim: plan.claim, n }
}

/** What the router should do now, for the generation in force. */
export function wantedSplit({ plan: { version, stable }, weight }: ReleaseContext): Split {
  return weight === NOTHING ? allTo(stable) : splitBetween(version, weight, stable)
}

/** A new intent: the next generation, with its weight. */
export function askFor(context: ReleaseContext, weight: Weight): Pick<ReleaseContext, 'weight' | 'n'> {
  return { weight, n: context.n + 1 }
}

/** The same for one of the steps, with a bake of its own. */
export function askForStep(context: ReleaseContext, step: number): Partial<ReleaseContext> {
  const asked = askFor(context, context.plan.steps[step]?.weight ?? NOTHING)
  return { ...asked, step, observedMs: 0 }
}

/** The same plan with bakes of another length. */
export function bakedFor(plan: ReleaseInput, bakeMs: number): ReleaseInput {
  return { ...plan, steps: plan.steps.map(({ weight }) => ({ weight, bakeMs })) }
}

/** The first step above what the new version gets now; a weight set by hand may lie between two steps. */
export function nextStep({ plan, weight, step }: ReleaseContext): number {
  const higher = plan.steps.findIndex((candidate) => candidate.weight > weight)
  return higher === -1 ? step : higher
}

export function isLastStep(context: ReleaseContext): boolean {
  return context.plan.steps.every(({ weight }) => weight <= context.weight)
}

/** Whether there is nothing to retire, or someone else does it. */
export function isRetiredElsewhere({ plan: { stable, keepStable } }: ReleaseContext): boolean {
  return stable === null || keepStable
}

/** Whether automatic failure may not take traffic back any more. */
export function isBound({ plan, n }: ReleaseContext): boolean {
  return !plan.reversible && n > 0
}
