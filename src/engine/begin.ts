// The first step of a rollout, thought through before anything is done.
import type { RolloutEvent } from '../events/rollout-event.ts'
import { strategies } from '../machines/index.ts'
import { inputFor } from './inputs.ts'
import { type Live, type Plan, planned } from './plan.ts'
import type { Listen } from './ports.ts'
import { introduced, type RolloutRecord, type ServiceRecord } from './record.ts'
import { type RolloutSpec, takesTraffic } from './spec.ts'

/** Who starts a rollout, and under which name. */
export interface Birth {
  readonly id: string
  readonly parent: RolloutRecord['parent']
  /** Milliseconds since the epoch. */
  readonly now: number
}

const REQUESTED: RolloutEvent = { type: 'rollout.requested' }

/** The name that the next rollout of a service gets. */
export function nextId({ service, counter }: ServiceRecord): string {
  return `${service}-${counter + 1}`
}

/** What starting `spec` makes of a service. Throws what the machine throws on its input. */
export function begun(
  record: ServiceRecord,
  spec: RolloutSpec,
  birth: Birth,
): { readonly plan: Plan; readonly live: Live } {
  const strategy = strategies[spec.strategy]
  const claim = takesTraffic(spec.strategy) ? record.claim + 1 : record.claim
  const ready = strategy.start(inputFor(spec, record, claim))
  const rollout: RolloutRecord = {
    id: birth.id,
    strategy: spec.strategy,
    machineVersion: strategy.version,
    spec,
    parent: birth.parent,
    snapshot: null,
    timers: [],
    outbox: [],
    analysis: null,
    reserved: null,
    parked: null,
    outcome: null,
    claim,
    stable: record.stable,
    startedAt: birth.now,
    endedAt: null,
    verdict: null,
    current: null,
    baseline: null,
    ledgers: [],
    healthChecks: { passed: 0, failed: 0 },
  }
  const taken = { ...prepared(record, spec), claim, counter: record.counter + 1 }
  const locked = takesTraffic(spec.strategy) && birth.parent === null ? { ...taken, lock: birth.id } : taken
  const live: Live = { strategy, snapshot: ready.snapshot }
  const occurrence = { event: REQUESTED, findings: {}, now: birth.now }
  return { plan: planned(locked, rollout, { live, ready, occurrence }), live }
}

/** The service has to know how a version is run, and where clients are to reach it, before a machine asks for it. */
function prepared(record: ServiceRecord, spec: RolloutSpec): ServiceRecord {
  switch (spec.strategy) {
    case 'canary':
    case 'blue-green':
      return { ...introduced(record, spec), listen: listenOf(record, spec.listen) }
    case 'rollback': {
      const revision = record.revisions.find(({ version }) => version === spec.target)
      return revision === undefined ? record : introduced(record, revision)
    }
    case 'pipeline':
    case 'smoke':
      return record
  }
}

/** A free port that was found once is kept: clients know it by now. */
function listenOf({ listen }: ServiceRecord, wanted: Listen): Listen {
  return wanted.port === 0 && listen !== null && listen.host === wanted.host ? listen : wanted
}
