// The ledger: what a rollout did to every single request, read from the counters that the router keeps by generation.
import { add, type Counts, NO_COUNTS, requestsOf } from '../analysis/sample.ts'
import { messageOf } from '../errors.ts'
import { compareGenerations } from '../events/generation.ts'
import { within } from './back-off.ts'
import type { Logger } from './log.ts'
import type { Clock, GenerationCounts, MetricsSource } from './ports.ts'
import type { RolloutRecord, ServiceRecord } from './record.ts'
import { takesTraffic } from './spec.ts'
import type { RequestLedger, StepLedger, VersionLedger } from './view.ts'

/** How long the counters may take to answer: a ledger is never worth waiting for with a decision. */
const PATIENCE_MS = 2_000

/** The ledgers of a rollout's changes of traffic; when they can't be read, the last ones, marked incomplete. */
export async function readLedgers(
  { metrics, clock, log }: { readonly metrics: MetricsSource; readonly clock: Clock; readonly log: Logger },
  record: ServiceRecord,
  rollout: RolloutRecord,
): Promise<readonly StepLedger[]> {
  const { service } = record
  try {
    const counted = await within({ clock, ms: PATIENCE_MS }, (signal) =>
      Promise.all(
        familyOf(record, rollout).map(async ({ claim }) => {
          const rows = await metrics.counts({ service, claim }, { signal })
          return rows.filter(({ generation }) => generation.claim === claim)
        }),
      ),
    )
    return ledgersOf(counted.flat())
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'the ledger could not be read')
    return stepsOf(record, rollout).map((step) => ({ ...step, ledger: { ...step.ledger, complete: false } }))
  }
}

/** A rollout's ledgers as they were last read: of what it did to traffic itself, and of what its children did for it. */
export function stepsOf(record: ServiceRecord, rollout: RolloutRecord): readonly StepLedger[] {
  const steps = new Map<string, StepLedger>()
  // What was read for the whole is newer than what each child read last.
  for (const step of familyOf(record, rollout).flatMap(({ ledgers }) => ledgers)) {
    const key = keyOf(step)
    if (!steps.has(key)) steps.set(key, step)
  }
  return inOrder([...steps.values()])
}

/** A rollout, and then all that go on, or have ended, as parts of it. */
function familyOf({ rollouts }: ServiceRecord, rollout: RolloutRecord): readonly RolloutRecord[] {
  const parts = rollouts.filter(
    ({ id, strategy }) => id.startsWith(`${rollout.id}/`) && takesTraffic(strategy),
  )
  return [rollout, ...parts]
}

function keyOf({ generation: { claim, n } }: Pick<StepLedger, 'generation'>): string {
  return `${claim}.${n}`
}

function inOrder(steps: readonly StepLedger[]): readonly StepLedger[] {
  return steps.toSorted((a, b) => compareGenerations(a.generation, b.generation))
}

/** One ledger for each change of traffic, oldest first. */
function ledgersOf(counted: readonly GenerationCounts[]): readonly StepLedger[] {
  const steps = new Map<string, GenerationCounts[]>()
  for (const row of counted) {
    const key = keyOf(row)
    steps.set(key, [...(steps.get(key) ?? []), row])
  }
  return inOrder(
    [...steps.values()].flatMap((rows) =>
      rows.slice(0, 1).map(({ generation }) => ({ generation, ledger: ledgerOf(rows) })),
    ),
  )
}

/** All steps together; null before there was one. */
export function totalOf(steps: readonly StepLedger[]): RequestLedger | null {
  if (steps.length === 0) return null
  const versions = new Map<string, VersionLedger>()
  for (const row of steps.flatMap(({ ledger }) => ledger.versions)) {
    const sum = versions.get(row.version)
    versions.set(row.version, sum === undefined ? row : both(sum, row))
  }
  return {
    total: steps.reduce((sum, { ledger }) => sum + ledger.total, 0),
    failed: steps.reduce((sum, { ledger }) => sum + ledger.failed, 0),
    versions: [...versions.values()],
    complete: steps.every(({ ledger }) => ledger.complete),
  }
}

function ledgerOf(rows: readonly GenerationCounts[]): RequestLedger {
  const all = rows.reduce((sum, { counts }) => add(sum, counts), NO_COUNTS)
  return {
    total: requestsOf(all) + all.clientAborts + all.cut + all.inFlight,
    failed: all.failed,
    versions: rows.map(({ version, counts }) => ({ version, ...rowOf(counts) })),
    complete: true,
  }
}

function rowOf({ served, failed, clientAborts, cut }: Counts): Omit<VersionLedger, 'version'> {
  return { served, appErrors: served[4], failed, clientAborts, cut }
}

function both(a: VersionLedger, b: VersionLedger): VersionLedger {
  const [s, t] = [a.served, b.served]
  return {
    version: a.version,
    served: [s[0] + t[0], s[1] + t[1], s[2] + t[2], s[3] + t[3], s[4] + t[4]],
    appErrors: a.appErrors + b.appErrors,
    failed: a.failed + b.failed,
    clientAborts: a.clientAborts + b.clientAborts,
    cut: a.cut + b.cut,
  }
}
