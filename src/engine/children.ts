// The rollouts that the engine itself starts: a pipeline's children, and the rescue of a rollout whose machine broke.
import { UsageError } from '../errors.ts'
import type { Cause } from '../events/outcome.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import type { RolloutRecord, ServiceRecord } from './record.ts'
import {
  type PipelineSpec,
  type ReleaseSpec,
  type RollbackSpec,
  type RolloutSpec,
  takesTraffic,
} from './spec.ts'

/** Long enough for as many answers as count. */
function verifyMsOf({ health }: ReleaseSpec): number {
  return health.intervalMs * health.threshold
}

/** What a child of a pipeline is to do, by its slot. */
export function childSpec(parent: RolloutSpec, slot: string, record: ServiceRecord): RolloutSpec {
  if (parent.strategy === 'pipeline') {
    if (slot === 'deploy') return { ...parent.release, keepStable: true }
    if (slot === 'smoke' && parent.smoke !== null) return parent.smoke
    if (slot === 'rollback') return undoing(parent, record)
  }
  throw new UsageError('UNBOUND_NAME', `a ${parent.strategy} has no child called ${slot}`)
}

/** Back to what was stable before the pipeline; nowhere, when it was the first release. */
function undoing({ release, service, by }: PipelineSpec, record: ServiceRecord): RollbackSpec {
  return {
    strategy: 'rollback',
    service,
    target: record.stable,
    force: true,
    keep: false,
    cause: 'smoke-test-failure',
    reason: `${release.version} did not pass`,
    by,
    why: null,
    stagingMs: release.times.stagingMs,
    drainMs: release.times.rollbackDrainMs,
    returnBudgetMs: release.times.returnBudgetMs,
    verifyMs: verifyMsOf(release),
  }
}

/**
 * The way back as an act of its own, for a rollout that can't take it itself: what harm, or a person, asks for when it is
 * parked. Null when nothing asks, when it moved no traffic, or when only a person who insists may go back.
 */
export function rescueSpec(
  { id, spec, stable, parked }: RolloutRecord,
  event: RolloutEvent,
): RollbackSpec | null {
  const release = releaseOf(spec)
  const cause = release === null ? null : causeOf(release, event)
  if (release === null || cause === null) return null
  const isForced = event.type === 'abort.requested' && event.force === true
  if (!release.reversible && !isForced) return null
  return {
    strategy: 'rollback',
    service: release.service,
    target: stable,
    force: isForced,
    keep: false,
    cause,
    reason: parked === null ? `${id} ended before it could go back` : `${id} was parked: ${parked}`,
    by: event.type === 'abort.requested' ? (event.by ?? null) : null,
    why: event.type === 'abort.requested' ? (event.reason ?? null) : null,
    stagingMs: release.times.stagingMs,
    drainMs: release.times.rollbackDrainMs,
    returnBudgetMs: release.times.returnBudgetMs,
    verifyMs: verifyMsOf(release),
  }
}

/** What is released by a rollout; null for one that releases nothing. */
export function releaseOf(spec: RolloutSpec): ReleaseSpec | null {
  if (spec.strategy === 'pipeline') return spec.release
  return spec.strategy === 'canary' || spec.strategy === 'blue-green' ? spec : null
}

function causeOf({ version }: ReleaseSpec, event: RolloutEvent): Cause | null {
  switch (event.type) {
    case 'abort.requested':
      return event.cause ?? 'abort'
    case 'version.exited':
      return event.version === version ? 'instance-exited' : null
    case 'probe.concluded':
      return event.version === version && event.health === 'unhealthy' ? 'health-check-failure' : null
    case 'analysis.concluded':
      return event.verdict.kind === 'fail' ? 'metrics-degraded' : null
    default:
      return null
  }
}

/** A rollout that goes on although the traffic is someone else's by now. */
export interface Overtaken {
  readonly id: string
  readonly by: string
}

/**
 * Whoever still thinks that the traffic is theirs, children before their parents: the lock is not theirs any more, or a
 * younger relative who is neither ancestor nor descendant has taken a claim.
 */
export function overtaken(record: ServiceRecord): readonly Overtaken[] {
  return record.rollouts
    .filter(({ endedAt, strategy }) => endedAt === null && takesTraffic(strategy))
    .flatMap((rollout) => {
      const by = winner(record, rollout)
      return by === null ? [] : [{ id: rollout.id, by }]
    })
    .toSorted((a, b) => b.id.split('/').length - a.id.split('/').length)
}

export function isOvertaken(record: ServiceRecord, { id }: RolloutRecord): boolean {
  return overtaken(record).some((lost) => lost.id === id)
}

function winner({ lock, rollouts }: ServiceRecord, { id, claim }: RolloutRecord): string | null {
  const [root = id] = id.split('/')
  if (lock !== root) return lock ?? 'a rollback'
  const younger = rollouts.find(
    (other) =>
      other.claim > claim &&
      takesTraffic(other.strategy) &&
      other.id.startsWith(`${root}/`) &&
      !other.id.startsWith(`${id}/`) &&
      !id.startsWith(`${other.id}/`),
  )
  return younger?.id ?? null
}
