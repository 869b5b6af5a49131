// What the engine remembers of one service: its record and its rollouts, in one document that is committed as a whole.
// Everything here is data and pure functions of it.
import type { JudgeState } from '../analysis/judge.ts'
import type { MetricsSnapshot } from '../analysis/sample.ts'
import type { Verdict } from '../analysis/verdict.ts'
import { compareGenerations, type Generation } from '../events/generation.ts'
import type { Outcome } from '../events/outcome.ts'
import type { Endpoint, RolloutEvent, TimerName } from '../events/rollout-event.ts'
import type { Split } from '../events/share.ts'
import type { Command, ReservedReturn, StrategyName } from '../machines/index.ts'
import type { Listen, RunSpec } from './ports.ts'
import type { HealthSpec, RolloutSpec } from './spec.ts'
import type { HealthChecks, RolloutView, StepLedger } from './view.ts'

/** An alarm that is set: rows, so that they survive, with the absolute time they are due. */
export interface TimerRow {
  readonly timer: TimerName
  /** Milliseconds since the epoch. */
  readonly due: number
}

/** What the newest window said, and what the judge has to remember. */
export interface AnalysisRecord {
  /** The activity it belongs to: another step starts afresh. */
  readonly key: string
  readonly state: JudgeState
}

/** A rollout that goes on, or that its parent has not yet heard the end of. */
export interface RolloutRecord {
  readonly id: string
  readonly strategy: StrategyName
  readonly machineVersion: number
  readonly spec: RolloutSpec
  readonly parent: { readonly id: string; readonly slot: string; readonly run: number } | null
  /** The machine's snapshot, as XState persists it. */
  readonly snapshot: unknown
  readonly timers: readonly TimerRow[]
  /** Commands whose answer is still out. */
  readonly outbox: readonly Command[]
  readonly analysis: AnalysisRecord | null
  readonly reserved: ReservedReturn | null
  readonly parked: string | null
  readonly outcome: Outcome | null
  readonly claim: number
  readonly stable: string | null
  readonly startedAt: number
  readonly endedAt: number | null
  readonly verdict: Verdict | null
  readonly current: MetricsSnapshot | null
  readonly baseline: MetricsSnapshot | null
  readonly ledgers: readonly StepLedger[]
  readonly healthChecks: HealthChecks
}

/** A version that is known to the service, and where its instances are. */
export interface VersionRecord {
  readonly version: string
  readonly run: RunSpec
  readonly health: HealthSpec
  readonly endpoints: readonly Endpoint[]
  /** What was last found of it; `unknown` while none of it runs. */
  readonly condition: Condition
}

export type Condition = 'unknown' | 'healthy' | 'suspect' | 'unhealthy'

/** A version that was good: its whole release, bake included, was healthy. */
export interface Revision {
  readonly version: string
  readonly run: RunSpec
  readonly health: HealthSpec
  /** False when what it changed can not be undone: a rollback does not go past it without force. */
  readonly reversible: boolean
  /** Whether a rollback has left it: it can be gone back to by name, and is not what was stable before. */
  readonly isLeft?: boolean
  readonly since: number
  readonly by: string | null
  readonly why: string | null
}

/** A deployment that somebody else makes, and wants to be known. */
export interface TrackedDeployment {
  readonly id: string
  readonly strategy: string
  readonly version: string
}

export interface ServiceRecord {
  readonly service: string
  readonly listen: Listen | null
  /** Handed out last; the next to take the service gets one more. */
  readonly claim: number
  /** The rollout that holds the service. */
  readonly lock: string | null
  /** Counts rollouts, for their ids. */
  readonly counter: number
  readonly stable: string | null
  readonly live: 'blue' | 'green' | null
  /** Newest first. */
  readonly revisions: readonly Revision[]
  readonly versions: readonly VersionRecord[]
  /** What the router was last read back to do. */
  readonly route: { readonly split: Split; readonly generation: Generation } | null
  readonly rollouts: readonly RolloutRecord[]
  /** When it was last committed: until then a controller was watching. */
  readonly updatedAt: number
  /** Deployments that are not rollouts of ours, as the rollback manager was told. */
  readonly tracked: readonly TrackedDeployment[]
  /** The newest ended rollouts, newest first. */
  readonly ended: readonly RolloutView[]
}

const REVISIONS_KEPT = 20
const ENDED_KEPT = 5

export function freshService(service: string): ServiceRecord {
  return {
    service,
    listen: null,
    claim: 0,
    lock: null,
    counter: 0,
    stable: null,
    live: null,
    revisions: [],
    versions: [],
    route: null,
    rollouts: [],
    updatedAt: 0,
    tracked: [],
    ended: [],
  }
}

export function withRollout(record: ServiceRecord, rollout: RolloutRecord): ServiceRecord {
  const others = record.rollouts.filter(({ id }) => id !== rollout.id)
  return { ...record, rollouts: [...others, rollout] }
}

/** What an event about a version or the route changes in the service itself. */
export function noted(record: ServiceRecord, event: RolloutEvent): ServiceRecord {
  switch (event.type) {
    case 'version.ready':
      return withVersion(record, event.version, { endpoints: event.endpoints, condition: 'healthy' })
    case 'version.moved':
      return withVersion(record, event.version, { endpoints: event.endpoints })
    case 'version.stopped':
      return withVersion(record, event.version, { endpoints: [], condition: 'unknown' })
    case 'probe.concluded':
      return withVersion(record, event.version, { condition: event.health })
    case 'deployment.tracked': {
      const { id, strategy, version } = event
      return {
        ...record,
        tracked: [...record.tracked.filter((other) => other.id !== id), { id, strategy, version }],
      }
    }
    case 'deployment.untracked':
      return { ...record, tracked: record.tracked.filter(({ id }) => id !== event.id) }
    case 'traffic.shifted':
      return isOlder(event.generation, record)
        ? record
        : { ...record, route: { split: event.split, generation: event.generation } }
    default:
      return record
  }
}

/** What is confirmed late says nothing about now. */
function isOlder(generation: Generation, { route }: ServiceRecord): boolean {
  return route !== null && compareGenerations(generation, route.generation) < 0
}

/** Makes a version known, with how it is run; where its instances are is kept. */
export function introduced(
  record: ServiceRecord,
  { version, run, health }: Pick<VersionRecord, 'version' | 'run' | 'health'>,
): ServiceRecord {
  const known = record.versions.find((candidate) => candidate.version === version)
  const others = record.versions.filter((candidate) => candidate.version !== version)
  const { endpoints = [], condition = 'unknown' } = known ?? {}
  return { ...record, versions: [...others, { version, run, health, endpoints, condition }] }
}

/** A new stable revision; versions that neither run nor can be gone back to are forgotten. */
export function stabilised(record: ServiceRecord, revision: Revision): ServiceRecord {
  const older = record.revisions.filter(({ version }) => version !== revision.version)
  const revisions = [revision, ...older].slice(0, REVISIONS_KEPT)
  const kept = record.versions.filter(
    ({ version, endpoints }) => endpoints.length > 0 || revisions.some((known) => known.version === version),
  )
  return { ...record, stable: revision.version, revisions, versions: kept }
}

/** Moves a rollout, and its children, from those that go on to those that ended. */
export function archived(record: ServiceRecord, root: string, views: readonly RolloutView[]): ServiceRecord {
  const rollouts = record.rollouts.filter(({ id }) => id !== root && !id.startsWith(`${root}/`))
  const ended = [...views, ...record.ended]
  const roots = ended.filter(({ parent }) => parent === null).slice(0, ENDED_KEPT)
  const kept = ended.filter(({ id }) => roots.some((view) => id === view.id || id.startsWith(`${view.id}/`)))
  return { ...record, rollouts, ended: kept }
}

/** Where the instances of a version are; empty when none run. */
export function endpointsOf(versions: readonly VersionRecord[], version: string): readonly Endpoint[] {
  return versions.find((known) => known.version === version)?.endpoints ?? []
}

/** Whether a version runs, and is to go on running: traffic can be moved to it at once. */
export function isWarm(record: ServiceRecord, version: string): boolean {
  return endpointsOf(record.versions, version).length > 0 && !isLeaving(record, version)
}

/** Whether a version is being started: some of it may run already. */
export function isArriving(record: ServiceRecord, version: string): boolean {
  return isAsked(record, { type: 'startVersion', version })
}

/** Whether a version is being stopped. */
export function isLeaving(record: ServiceRecord, version: string): boolean {
  return isAsked(record, { type: 'stopVersion', version })
}

function isAsked(
  { rollouts }: ServiceRecord,
  { type, version }: { readonly type: 'startVersion' | 'stopVersion'; readonly version: string },
): boolean {
  return rollouts
    .filter(({ endedAt }) => endedAt === null)
    .some(({ outbox }) => outbox.some((asked) => asked.type === type && asked.params.version === version))
}

function withVersion(
  record: ServiceRecord,
  version: string,
  found: Partial<Pick<VersionRecord, 'endpoints' | 'condition'>>,
): ServiceRecord {
  const versions = record.versions.map((known) =>
    known.version === version ? { ...known, ...found } : known,
  )
  return { ...record, versions }
}

/** Whether an event is the answer that a command was waiting for. */
export function answers(event: RolloutEvent, command: Command): boolean {
  const awaited = awaitedBy(command)
  return awaited !== null && awaited === answeredBy(event)
}

function awaitedBy(command: Command): string | null {
  switch (command.type) {
    case 'startVersion':
    case 'stopVersion':
    case 'drainVersion':
      return `${command.type} ${command.params.version}`
    case 'shiftTraffic':
      return `shiftTraffic ${command.params.generation.claim}.${command.params.generation.n}`
    case 'runTest':
      return `runTest ${command.params.test} ${command.params.attempt}`
    case 'startChild':
    case 'tellChild':
      return `startChild ${command.params.slot} ${command.params.run}`
    default:
      return null
  }
}

function answeredBy(event: RolloutEvent): string | null {
  switch (event.type) {
    case 'version.ready':
    case 'version.failed':
      return `startVersion ${event.version}`
    case 'version.stopped':
      return `stopVersion ${event.version}`
    case 'traffic.drained':
      return `drainVersion ${event.version}`
    case 'traffic.shifted':
    case 'traffic.rejected':
      return `shiftTraffic ${event.generation.claim}.${event.generation.n}`
    case 'test.concluded':
      return `runTest ${event.test} ${event.attempt}`
    case 'child.ended':
      return `startChild ${event.slot} ${event.run}`
    default:
      return null
  }
}

/** Whether anything was ever remembered of a service: not of one that was only asked about. */
export function isKnown({ updatedAt, counter, tracked }: ServiceRecord): boolean {
  return updatedAt > 0 || counter > 0 || tracked.length > 0
}

/** Whether what a store gave back is a record of ours. */
export function isServiceRecord(value: unknown): value is ServiceRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    'service' in value &&
    'claim' in value &&
    typeof value.claim === 'number' &&
    'rollouts' in value &&
    Array.isArray(value.rollouts)
  )
}
