// What the end of a rollout changes in its service: in the same commit as the end itself.
import { archived, type Revision, type RolloutRecord, type ServiceRecord, stabilised } from './record.ts'
import type { ReleaseSpec } from './spec.ts'
import { viewOf } from './views.ts'

/** The record after a rollout has ended: a root takes its children along into the archive. */
export function settled(record: ServiceRecord, rollout: RolloutRecord): ServiceRecord {
  const concluded = conclude(record, rollout)
  if (rollout.parent !== null) return concluded
  const family = concluded.rollouts.filter(({ id }) => id === rollout.id || id.startsWith(`${rollout.id}/`))
  const views = family.map((member) => viewOf(concluded, member))
  return archived(concluded, rollout.id, views)
}

/** The lock is only given back by the rollout that holds it. */
function conclude(record: ServiceRecord, rollout: RolloutRecord): ServiceRecord {
  const { outcome, spec } = rollout
  if (outcome === null) return record
  const freed = record.lock === rollout.id ? { ...record, lock: null } : record
  switch (spec.strategy) {
    case 'canary':
    case 'blue-green':
      return rollout.parent === null && outcome.status === 'promoted' ? promoted(freed, spec, rollout) : freed
    case 'pipeline':
      return outcome.status === 'promoted' ? promoted(freed, spec.release, rollout) : freed
    case 'rollback':
      return outcome.status === 'rolled-back' ? returned(freed, spec.target) : freed
    case 'smoke':
      return freed
  }
}

function promoted(record: ServiceRecord, spec: ReleaseSpec, { endedAt }: RolloutRecord): ServiceRecord {
  const revision: Revision = {
    version: spec.version,
    run: spec.run,
    health: spec.health,
    reversible: spec.reversible,
    since: endedAt ?? 0,
    by: spec.by,
    why: spec.why,
  }
  const live = spec.strategy === 'blue-green' ? otherColour(record.live) : record.live
  return { ...stabilised(record, revision), live }
}

/** A rollback makes the revision it went back to the stable one again; the newer ones are known as left. */
function returned(record: ServiceRecord, target: string | null): ServiceRecord {
  const at = record.revisions.findIndex(({ version }) => version === target)
  const hasLeft = target !== record.stable && record.live !== null
  return {
    ...record,
    stable: target,
    live: hasLeft ? otherColour(record.live) : record.live,
    revisions: record.revisions.map((revision, i) => (i > at ? revision : { ...revision, isLeft: i < at })),
  }
}

/** The environment that a new version takes: the one that is not live. */
export function otherColour(live: ServiceRecord['live']): 'blue' | 'green' {
  return live === 'blue' ? 'green' : 'blue'
}
