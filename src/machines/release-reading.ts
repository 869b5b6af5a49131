import type { SnapshotFrom } from 'xstate'

import type { Outcome } from '../events/outcome.ts'
import { allTo } from '../events/share.ts'
import { EVERYTHING } from '../units.ts'
import { type Activity, analysing, probing } from './activity.ts'
import { generationOf, type ReleaseContext } from './release-context.ts'
import type { release } from './release-words.ts'
import { pathOf, type ReservedReturn } from './strategy.ts'

type ReleaseSnapshot = SnapshotFrom<ReturnType<typeof release.createMachine>>

const WATCHED = new Set([
  'shifting',
  'staged',
  'live',
  'monitoring',
  'degraded',
  'paused',
  'frozen',
  'promoting',
  'retiring.waiting',
  'retiring.draining',
])
/** Where a split is in force: what it does to people is judged, whether or not that leads on. */
const JUDGED = new Set([
  'live',
  'monitoring',
  'degraded',
  'paused',
  'frozen',
  'retiring.waiting',
  'retiring.draining',
])
const ENDINGS = ['promoted', 'rolled-back', 'failed', 'superseded'] as const

/** What can be read off the snapshot of any release. */
export const releaseReading = {
  activitiesOf({ value, context }: ReleaseSnapshot): readonly Activity[] {
    const path = pathOf(value)
    const probe = WATCHED.has(path) ? [probing(context.plan.version)] : []
    return JUDGED.has(path) && context.n > 0 ? [...probe, judging(context, path)] : probe
  },

  outcomeOf({ value, context }: ReleaseSnapshot): Outcome | null {
    const path = pathOf(value)
    const status = path === 'rolling-back.stranded' ? 'stranded' : ENDINGS.find((ending) => ending === path)
    return status === undefined ? null : { status, cause: context.cause, reason: context.reason }
  },

  returnOf({ context, status }: ReleaseSnapshot): ReservedReturn | null {
    if (status !== 'active' || context.n === 0) return null
    return { split: allTo(context.plan.stable), generation: { claim: context.plan.claim, n: context.n + 1 } }
  },
}

/** Nothing serves beside a version that gets everything, and a bake is frozen wherever it is not monitored. */
function judging(context: ReleaseContext, path: string): Activity {
  const { plan, weight } = context
  return analysing({
    version: plan.version,
    baseline: weight === EVERYTHING ? null : plan.stable,
    generation: generationOf(context),
    isBaking: path === 'monitoring',
  })
}
