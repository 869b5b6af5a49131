// Whether a rollout may start in a service as it is now, and what it is to do exactly.
import { UsageError } from '../errors.ts'
import { shareOf } from '../events/share.ts'
import { releaseOf } from './children.ts'
import { isWarm, type RolloutRecord, type ServiceRecord } from './record.ts'
import { type RolloutSpec, type RollbackSpec, takesTraffic, versionOf } from './spec.ts'

/** What becomes of a request: a new rollout, or the one that already does the same. */
export type Admission =
  | { readonly kind: 'start'; readonly spec: RolloutSpec }
  | { readonly kind: 'join'; readonly rollout: string }

/**
 * Joins the same version; refuses another one while the service is held. A rollback is never refused because of that: it
 * takes the service.
 * @throws UsageError `ROLLOUT_IN_PROGRESS`, `ROLLBACK_IMPOSSIBLE`, or `EVENT_REFUSED` with the reason
 */
export function admit(record: ServiceRecord, spec: RolloutSpec): Admission {
  const holder = holderOf(record)
  if (spec.strategy === 'rollback') {
    return holder !== undefined && doesSo(holder, spec)
      ? { kind: 'join', rollout: holder.id }
      : { kind: 'start', spec: resolved(record, spec) }
  }
  if (!takesTraffic(spec.strategy)) return { kind: 'start', spec }
  if (holder !== undefined) {
    const isSame = holder.strategy === spec.strategy && versionOf(holder.spec) === versionOf(spec)
    if (isSame) return { kind: 'join', rollout: holder.id }
    throw new UsageError(
      'ROLLOUT_IN_PROGRESS',
      `${holder.id} holds ${record.service}: it releases ${versionOf(holder.spec)}`,
      {
        hint: "Wait for it, abort it, or deploy with onBusy: 'supersede' or 'queue'",
      },
    )
  }
  return record.stable === versionOf(spec) ? alreadyStable(record, spec) : { kind: 'start', spec }
}

/** Asked twice, a rollback does not go back twice as far. */
function doesSo({ spec, parked }: RolloutRecord, { target, keep }: RollbackSpec): boolean {
  if (spec.strategy !== 'rollback' || parked !== null) return false
  return spec.keep === keep && (target === null || target === spec.target)
}

/** Whether a service can go back to a version, and how: at once, after starting it again, or not, and why not. */
export type Returnability =
  | { readonly kind: 'warm'; readonly target: string }
  | { readonly kind: 'restorable'; readonly target: string }
  | { readonly kind: 'no'; readonly reason: string }

/**
 * Looks for the way back to `target`; without one, to where the rollout that is going on would return to, or else to the
 * version that was stable before the one that is.
 */
export function returnability(record: ServiceRecord, target: string | null, force = false): Returnability {
  const wanted = target ?? previous(record)
  if (wanted === null) return { kind: 'no', reason: `${record.service} has no earlier version to go back to` }
  const revision = record.revisions.find(({ version }) => version === wanted)
  if (revision === undefined)
    return { kind: 'no', reason: `${wanted} was never a good version of ${record.service}` }
  if (wanted === record.stable && record.lock === null)
    return { kind: 'no', reason: `${wanted} is already the stable version` }
  const [barrier] = force ? [] : irreversibleAfter(record, wanted)
  if (barrier !== undefined) return { kind: 'no', reason: `${barrier} is not reversible` }
  return { kind: isWarm(record, wanted) ? 'warm' : 'restorable', target: wanted }
}

/** What a version is still needed for; null when it can be stopped. */
export function useOf({ stable, route, rollouts }: ServiceRecord, version: string): string | null {
  if (version === stable) return 'it is the stable version'
  if (route !== null && shareOf(route.split, version) > 0) return 'it has traffic'
  const holder = rollouts.find(({ endedAt, spec }) => endedAt === null && versionOf(spec) === version)
  return holder === undefined ? null : `${holder.id} releases it`
}

function resolved(record: ServiceRecord, spec: RollbackSpec): RollbackSpec {
  const [barrier] = spec.force ? [] : irreversibleNow(record)
  const isFirst = spec.target === null && record.stable === null
  if (isFirst && barrier === undefined) return spec // back to nowhere
  const way: Returnability = isFirst
    ? { kind: 'no', reason: `${barrier} is not reversible` }
    : returnability(record, spec.target, spec.force)
  if (way.kind !== 'no') return { ...spec, target: way.target }
  throw new UsageError('ROLLBACK_IMPOSSIBLE', `can't roll ${record.service} back: ${way.reason}`, {
    hint: '`sluice status` shows the revisions it can go back to',
  })
}

function holderOf({ rollouts, lock }: ServiceRecord): RolloutRecord | undefined {
  return rollouts.find(({ id }) => id === lock)
}

/** Where a rollback leads that names no version. */
function previous(record: ServiceRecord): string | null {
  const { revisions, stable } = record
  const holder = holderOf(record)
  if (holder !== undefined) return holder.spec.strategy === 'rollback' ? holder.spec.target : stable
  const at = revisions.findIndex(({ version }) => version === stable)
  return revisions.slice(at + 1).find(({ isLeft = false }) => !isLeft)?.version ?? null
}

/** The versions between what serves and `target` whose changes can not be undone, newest first. */
function irreversibleAfter(record: ServiceRecord, target: string): readonly string[] {
  const [from, to] = [record.stable, target].map((wanted) =>
    record.revisions.findIndex(({ version }) => version === wanted),
  )
  const since = record.revisions
    .slice(from, to)
    .filter(({ reversible, isLeft = false }) => !reversible && !isLeft)
  return [...irreversibleNow(record), ...since.map(({ version }) => version)]
}

/** The version that is being released, when it has got traffic and can not be undone. */
function irreversibleNow(record: ServiceRecord): readonly string[] {
  const holder = holderOf(record)
  const release = holder === undefined ? null : releaseOf(holder.spec)
  const hasTraffic = record.rollouts.some(
    ({ spec, reserved }) => reserved !== null && releaseOf(spec)?.version === release?.version,
  )
  return release !== null && !release.reversible && hasTraffic ? [release.version] : []
}

function alreadyStable(record: ServiceRecord, spec: RolloutSpec): Admission {
  const done = record.ended.find(
    ({ version, outcome }) => version === record.stable && outcome?.status === 'promoted',
  )
  const run = spec.strategy === 'pipeline' ? spec.release.run : 'run' in spec ? spec.run : null
  const revision = record.revisions.find(({ version }) => version === record.stable)
  const isSame = JSON.stringify(run) === JSON.stringify(revision?.run)
  if (done !== undefined && isSame) return { kind: 'join', rollout: done.id }
  throw new UsageError(
    'EVENT_REFUSED',
    `${versionOf(spec)} is already the stable version of ${record.service}`,
    {
      hint: isSame
        ? 'There is nothing to do'
        : 'It is configured differently now: give it a version name of its own',
    },
  )
}
