// Whether a rollout may start in a service as it is now, and what it is to do exactly.
import { UsageError } from '../errors.ts'
import { shareOf } from '../events/share.ts'
import { holdsService } from './begin.ts'
import { isWarm, type Revision, type RolloutRecord, type ServiceRecord } from './record.ts'
import { type RolloutSpec, type RollbackSpec, versionOf } from './spec.ts'

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
  const holder = record.rollouts.find(({ id }) => id === record.lock)
  if (spec.strategy === 'rollback') {
    return holder !== undefined && doesSo(holder, spec)
      ? { kind: 'join', rollout: holder.id }
      : { kind: 'start', spec: resolved(record, spec) }
  }
  if (spec.strategy === 'smoke' || !holdsService(spec.strategy)) return { kind: 'start', spec }
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

/** Looks for the way back to `target`; without one, to the version before the one that serves. */
export function returnability(record: ServiceRecord, target: string | null, force = false): Returnability {
  const serving = record.lock === null ? record.stable : servingBeside(record)
  const wanted = target ?? previous(record, serving)
  if (wanted === null) return { kind: 'no', reason: `${record.service} has no earlier version to go back to` }
  const revision = record.revisions.find(({ version }) => version === wanted)
  if (revision === undefined)
    return { kind: 'no', reason: `${wanted} was never a good version of ${record.service}` }
  if (wanted === serving && record.lock === null)
    return { kind: 'no', reason: `${wanted} is already the stable version` }
  const barrier = irreversibleAfter(record, revision)
  if (barrier !== undefined && !force) return { kind: 'no', reason: `${barrier.version} is not reversible` }
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
  if (spec.target === null && record.stable === null) return spec // the first release: back to nowhere
  const way = returnability(record, spec.target, spec.force)
  if (way.kind !== 'no') return { ...spec, target: way.target }
  throw new UsageError('ROLLBACK_IMPOSSIBLE', `can't roll ${record.service} back: ${way.reason}`, {
    hint: '`sluice status` shows the revisions it can go back to',
  })
}

/** The new version of a release that is going on: what a rollback then leaves. */
function servingBeside({ rollouts, lock }: ServiceRecord): string | null {
  const holder = rollouts.find(({ id }) => id === lock)
  return holder === undefined ? null : versionOf(holder.spec)
}

function previous({ revisions }: ServiceRecord, serving: string | null): string | null {
  const at = revisions.findIndex(({ version }) => version === serving)
  return revisions[at + 1]?.version ?? null
}

/** A version since then whose changes can not be undone. */
function irreversibleAfter({ revisions }: ServiceRecord, revision: Revision): Revision | undefined {
  return revisions.slice(0, revisions.indexOf(revision)).find(({ reversible }) => !reversible)
}

function alreadyStable(record: ServiceRecord, spec: RolloutSpec): Admission {
  const done = record.ended.find(
    ({ version, outcome }) => version === record.stable && outcome?.status === 'promoted',
  )
  const run = spec.strategy === 'pipeline' ? spec.release.run : 'run' in spec ? spec.run : null
  const [revision] = record.revisions
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
