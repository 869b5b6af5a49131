// What an event proves about the new version of a release.
import type { Generation } from '../events/generation.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import { isAllOn, shareOf } from '../events/share.ts'
import { NOTHING } from '../units.ts'
import { type ReleaseContext, wantedSplit, type Watcher } from './release-context.ts'

export interface Args {
  readonly context: ReleaseContext
  readonly event: RolloutEvent
}

function isGeneration(context: ReleaseContext, { claim, n }: Generation): boolean {
  return claim === context.plan.claim && n === context.n
}

/** Whether it is about the generation asked for last: routers, networks and analyses answer late. */
export function isCurrent({ context, event }: Args): boolean {
  return 'generation' in event && isGeneration(context, event.generation)
}

export function isOurs({ context, event }: Args): boolean {
  return 'version' in event && event.version === context.plan.version
}

/** Whether the router was read back doing what it was asked last, and nothing else. */
export function isInForce(args: Args): boolean {
  const { context, event } = args
  if (event.type !== 'traffic.shifted' || !isCurrent(args)) return false
  if (context.weight === NOTHING) return isAllOn(event.split, context.plan.stable)
  return wantedSplit(context).every(({ version, weight }) => shareOf(event.split, version) === weight)
}

/** Conclusive: no second look is needed to go back. */
export function isHarm(args: Args): boolean {
  const { event } = args
  switch (event.type) {
    case 'probe.concluded':
      return event.health === 'unhealthy' && isOurs(args)
    case 'analysis.concluded':
      return event.verdict.kind === 'fail' && isCurrent(args)
    case 'version.exited':
      return isOurs(args)
    default:
      return false
  }
}

/** A first sign of harm, which the next ones confirm or take back. */
export function isSuspicious(args: Args): boolean {
  const { event } = args
  if (event.type === 'probe.concluded') return event.health === 'suspect' && isOurs(args)
  return (
    event.type === 'analysis.concluded' && event.suspicion === 'raised' && isCurrent(args) && !isHarm(args)
  )
}

/** Whether whoever said this did not suspect anything until now. */
export function isNews({ context, event }: Args): boolean {
  return !context.suspects.some((watcher) => watcher === watcherOf(event))
}

/** Whether whoever said this no longer suspects anything. */
export function clears(args: Args): boolean {
  const { event } = args
  if (isNews(args)) return false
  if (event.type === 'probe.concluded') return event.health === 'healthy' && isOurs(args)
  return event.type === 'analysis.concluded' && event.suspicion === 'cleared' && isCurrent(args)
}

export function suspectedAfter({ context, event }: Args): readonly Watcher[] {
  const watcher = watcherOf(event)
  return watcher === null ? context.suspects : [...trustedAfter({ context, event }), watcher]
}

export function trustedAfter({ context, event }: Args): readonly Watcher[] {
  return context.suspects.filter((watcher) => watcher !== watcherOf(event))
}

/** Whether with this window all of the step's bake has been observed, and was healthy. */
export function completesBake(args: Args): boolean {
  const { context, event } = args
  if (event.type !== 'analysis.concluded' || event.verdict.kind !== 'pass') return false
  if (event.suspicion === 'raised') return false
  const bakeMs = context.plan.steps[context.step]?.bakeMs ?? 0
  return isCurrent(args) && context.observedMs + event.observedMs >= bakeMs
}

function watcherOf(event: RolloutEvent): Watcher | null {
  if (event.type === 'probe.concluded') return 'probe'
  return event.type === 'analysis.concluded' ? 'analysis' : null
}
