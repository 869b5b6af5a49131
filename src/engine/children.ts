// The rollouts that the engine itself starts: a pipeline's children, and the rescue of a rollout whose machine broke.
import { UsageError } from '../errors.ts'
import type { Cause } from '../events/outcome.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import type { RolloutRecord, ServiceRecord } from './record.ts'
import { ROLLBACK_TIMES } from './rollback-spec.ts'
import type { PipelineSpec, RollbackSpec, RolloutSpec } from './spec.ts'

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
    verifyMs: ROLLBACK_TIMES.verifyMs,
  }
}

/** What is done for a parked rollout when harm, or a person, asks to go back; null when it moved no traffic. */
export function rescueSpec(
  { id, spec, stable, parked }: RolloutRecord,
  event: RolloutEvent,
): RollbackSpec | null {
  if (spec.strategy !== 'canary' && spec.strategy !== 'blue-green') return null
  const cause = causeOf(event)
  if (cause === null) return null
  return {
    strategy: 'rollback',
    service: spec.service,
    target: stable,
    force: false,
    keep: false,
    cause,
    reason: `${id} was parked: ${parked ?? 'unknown'}`,
    by: null,
    why: null,
    stagingMs: spec.times.stagingMs,
    drainMs: spec.times.rollbackDrainMs,
    returnBudgetMs: spec.times.returnBudgetMs,
    verifyMs: ROLLBACK_TIMES.verifyMs,
  }
}

function causeOf(event: RolloutEvent): Cause | null {
  switch (event.type) {
    case 'abort.requested':
      return event.cause ?? 'abort'
    case 'version.exited':
      return 'instance-exited'
    case 'probe.concluded':
      return event.health === 'unhealthy' ? 'health-check-failure' : null
    case 'analysis.concluded':
      return event.verdict.kind === 'fail' ? 'metrics-degraded' : null
    default:
      return null
  }
}
