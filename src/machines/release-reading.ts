import type { SnapshotFrom } from 'xstate'

import type { Outcome } from '../events/outcome.ts'
import { allTo } from '../events/share.ts'
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
const COMPARED = new Set(['monitoring', 'degraded', 'paused', 'frozen', 'retiring.waiting'])
const ENDINGS = ['promoted', 'rolled-back', 'failed', 'superseded'] as const

/** What can be read off the snapshot of any release. */
export const releaseReading = {
  activitiesOf({ value, context }: ReleaseSnapshot): readonly Activity[] {
    const path = pathOf(value)
    const probe = WATCHED.has(path) ? [probing(context.version)] : []
    return COMPARED.has(path) ? [...probe, comparison(context)] : probe
  },

  outcomeOf({ value, context }: ReleaseSnapshot): Outcome | null {
    const path = pathOf(value)
    const status = path === 'rolling-back.stranded' ? 'stranded' : ENDINGS.find((ending) => ending === path)
    return status === undefined ? null : { status, cause: context.cause, reason: context.reason }
  },

  returnOf({ context, status }: ReleaseSnapshot): ReservedReturn | null {
    if (status !== 'active' || context.n === 0) return null
    return { split: allTo(context.stable), generation: { claim: context.claim, n: context.n + 1 } }
  },
}

function comparison(context: ReleaseContext): Activity {
  return analysing(context.version, context.stable, generationOf(context))
}
