// Records as people get to see them.
import { shareOf } from '../events/share.ts'
import { pathOf } from '../machines/index.ts'
import { stepsOf, totalOf } from './ledger.ts'
import { endpointsOf, type Revision, type RolloutRecord, type ServiceRecord } from './record.ts'
import { versionOf } from './spec.ts'
import type { RevisionView, RolloutView, ServiceView } from './view.ts'

/** What of a persisted snapshot is shown. */
interface Persisted {
  readonly value: string | Record<string, never>
  readonly context: Readonly<Record<string, unknown>> & { readonly plan: Readonly<Record<string, unknown>> }
}

/** Context that is the engine's business only, or shown elsewhere. */
const HIDDEN = /^(?:steps|version|stable|claim|n|step|observedMs|cause|reason|gates|\w+Ms)$/

export function viewOf(record: ServiceRecord, rollout: RolloutRecord): RolloutView {
  const { value, context } = persisted(rollout.snapshot)
  const steps = stepsOf(record, rollout)
  return {
    id: rollout.id,
    service: record.service,
    strategy: rollout.strategy,
    version: versionOf(rollout.spec),
    stable: rollout.stable,
    state: pathOf(value),
    status: statusOf(rollout),
    parked: rollout.parked,
    outcome: rollout.outcome,
    split: record.route?.split ?? [],
    step: stepOf(context),
    verdict: rollout.verdict,
    current: rollout.current,
    baseline: rollout.baseline,
    healthChecks: rollout.healthChecks,
    parent: rollout.parent?.id ?? null,
    startedAt: timeOf(rollout.startedAt),
    endedAt: rollout.endedAt === null ? null : timeOf(rollout.endedAt),
    requests: totalOf(steps),
    steps,
    details: detailsOf(context),
  }
}

export function serviceView(record: ServiceRecord): ServiceView {
  const { service, listen, revisions, stable, versions, route } = record
  const shown = revisions.map((revision) =>
    revisionView(revision, endpointsOf(versions, revision.version).length > 0),
  )
  return {
    service,
    url: listen === null || listen.port === 0 ? null : `http://${listen.host}:${listen.port}`,
    stable: shown.find(({ version }) => version === stable) ?? null,
    live: record.live,
    revisions: shown,
    split: route?.split ?? [],
    generation: route?.generation ?? null,
    active: record.lock,
    versions: versions.map(({ version, condition, endpoints }) => ({
      version,
      condition,
      weight: shareOf(route?.split ?? [], version),
      endpoints,
    })),
    rollouts: [...record.rollouts.map((rollout) => viewOf(record, rollout)), ...record.ended],
    tracked: record.tracked,
  }
}

/** The state of a stored snapshot, as a path. */
export function stateOf(snapshot: unknown): string {
  return pathOf(persisted(snapshot).value)
}

/** A rollout that goes on or was archived; null when the service knows none of that name. */
export function viewIn(record: ServiceRecord, id: string): RolloutView | null {
  const going = record.rollouts.find((rollout) => rollout.id === id)
  if (going !== undefined) return viewOf(record, going)
  return record.ended.find((view) => view.id === id) ?? null
}

/** Whether a rollout can no longer be told to go back: it does already, or it is as good as over. */
export function isOnItsWay({ status, strategy, state }: RolloutView): boolean {
  return (
    status === 'ended' ||
    strategy === 'rollback' ||
    /^(?:rolling-back|aborting|retiring\.stopping)/.test(state)
  )
}

/** RFC 3339, UTC. */
export function timeOf(ms: number): string {
  // oxlint-disable-next-line no-restricted-globals -- writes down a time it was given, and asks for none
  return new Date(ms).toISOString()
}

function revisionView({ version, since, by, why }: Revision, warm: boolean): RevisionView {
  return { version, since: timeOf(since), by, why, warm }
}

function statusOf({ endedAt, parked }: RolloutRecord): RolloutView['status'] {
  if (endedAt !== null) return 'ended'
  return parked === null ? 'active' : 'parked'
}

function persisted(snapshot: unknown): Persisted {
  if (typeof snapshot === 'object' && snapshot !== null && 'value' in snapshot && 'context' in snapshot) {
    return snapshot as Persisted
  }
  throw new TypeError('a stored snapshot has no value')
}

/** What a machine was told, and where it is now. */
function detailsOf({ plan, ...now }: Persisted['context']): RolloutView['details'] {
  return Object.fromEntries(Object.entries({ ...plan, ...now }).filter(([key]) => !HIDDEN.test(key)))
}

function stepOf({ plan: { steps }, step, observedMs }: Persisted['context']): RolloutView['step'] {
  if (!Array.isArray(steps) || typeof step !== 'number' || typeof observedMs !== 'number') return null
  const bakeMs: unknown = steps[step]?.bakeMs
  return { index: step + 1, of: steps.length, bakeMs: typeof bakeMs === 'number' ? bakeMs : 0, observedMs }
}
