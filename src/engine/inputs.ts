// What each machine is told at its start: read off the spec and the service, and fixed from then on.
import type { PipelineInput, ReleaseInput, RollbackInput, SmokeInput } from '../machines/index.ts'
import { EVERYTHING } from '../units.ts'
import { isArriving, isWarm, type ServiceRecord } from './record.ts'
import { ROLLBACK_TIMES } from './rollback-spec.ts'
import { otherColour } from './settle.ts'
import type { PipelineSpec, ReleaseSpec, RollbackSpec, RolloutSpec, SmokeSpec } from './spec.ts'

/** The input of the machine that `spec` names, under a claim that was just taken. */
export function inputFor(spec: RolloutSpec, record: ServiceRecord, claim: number): unknown {
  switch (spec.strategy) {
    case 'canary':
    case 'blue-green':
      return releaseInput(spec, record, claim)
    case 'rollback':
      return rollbackInput(spec, record, claim)
    case 'smoke':
      return smokeInput(spec)
    case 'pipeline':
      return pipelineInput(spec, record, claim)
  }
}

function releaseInput(spec: ReleaseSpec, record: ServiceRecord, claim: number): ReleaseInput {
  const last = spec.steps.at(-1)
  const isFirst = record.stable === null
  return {
    version: spec.version,
    stable: record.stable,
    claim,
    // Nothing serves beside a first release: there is nothing to shift from, and nobody to protect by a small step.
    steps: isFirst && last !== undefined ? [{ ...last, weight: EVERYTHING }] : spec.steps,
    environment: spec.strategy === 'blue-green' ? otherColour(record.live) : null,
    gates: spec.gates,
    keepStable: spec.keepStable,
    reversible: spec.reversible,
    ...spec.times,
    stopMs: Math.max(spec.run.stopGraceMs, longestStop(record)),
  }
}

function rollbackInput(spec: RollbackSpec, record: ServiceRecord, claim: number): RollbackInput {
  const { target, cause, reason, stagingMs, drainMs, returnBudgetMs } = spec
  const left = record.versions
    .filter(({ version, endpoints }) => endpoints.length > 0 || isArriving(record, version))
    .map(({ version }) => version)
  return {
    target,
    from: spec.keep ? [] : left.filter((version) => version !== target),
    restore: target !== null && !isWarm(record, target),
    back: backOf(record),
    claim,
    cause,
    reason,
    stagingMs,
    drainMs,
    stopMs: longestStop(record),
    returnBudgetMs,
    verifyMs: Math.max(spec.verifyMs, timeToTell(record, target)),
  }
}

/** Where the rollout that has the traffic now would return it to, if that still runs. */
function backOf(record: ServiceRecord): string | null {
  const [newest] = record.rollouts
    .filter(({ reserved }) => reserved !== null)
    .toSorted((a, b) => b.claim - a.claim)
  const [to] = newest?.reserved?.split ?? []
  return to !== undefined && isWarm(record, to.version) ? to.version : null
}

/** How long any version of the service may take to stop, when it is asked to. */
function longestStop({ versions }: ServiceRecord): number {
  return Math.max(0, ...versions.map(({ run }) => run.stopGraceMs))
}

/** How long it takes until a version can have been healthy often enough in a row. */
function timeToTell({ versions }: ServiceRecord, target: string | null): number {
  const health = versions.find(({ version }) => version === target)?.health
  return health === undefined ? 0 : (health.threshold + 1) * (health.intervalMs + health.probe.timeoutMs)
}

function smokeInput({ tests, failFast, concurrency, budgetMs }: SmokeSpec): SmokeInput {
  return {
    tests: tests.map(({ test, severity, timeoutMs, retries }) => ({
      name: test.name,
      severity,
      timeoutMs,
      retries,
    })),
    failFast,
    concurrency,
    budgetMs,
  }
}

function pipelineInput(
  { release, smoke }: PipelineSpec,
  record: ServiceRecord,
  claim: number,
): PipelineInput {
  const { stable } = record
  const verifyMs = Math.max(ROLLBACK_TIMES.verifyMs, timeToTell(record, stable))
  const { retireMs, drainMs, rollbackDrainMs, returnBudgetMs } = release.times
  return {
    version: release.version,
    stable,
    claim,
    strategy: release.strategy,
    hasSmoke: smoke !== null,
    reversible: release.reversible,
    retireMs,
    drainMs,
    stopMs: longestStop(record),
    // The rollback calls people itself when traffic can't be moved; this is for one that is long in coming back.
    undoMs: returnBudgetMs + verifyMs + 2 * rollbackDrainMs,
  }
}
