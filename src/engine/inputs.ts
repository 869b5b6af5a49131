// What each machine is told at its start: read off the spec and the service, and fixed from then on.
import type { ServiceRecord } from './record.ts'
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
      return pipelineInput(spec, record)
  }
}

function releaseInput(spec: ReleaseSpec, record: ServiceRecord, claim: number) {
  const last = spec.steps.at(-1)
  const isFirst = record.stable === null
  return {
    version: spec.version,
    stable: record.stable,
    claim,
    // Nothing serves beside a first release: there is nothing to shift from, and nobody to protect by a small step.
    steps: isFirst && last !== undefined ? [{ ...last, weight: 10_000 }] : spec.steps,
    gates: spec.gates,
    keepStable: spec.keepStable,
    reversible: spec.reversible,
    ...spec.times,
    ...(spec.strategy === 'blue-green' ? { environment: otherColour(record.live) } : {}),
  }
}

function rollbackInput(spec: RollbackSpec, record: ServiceRecord, claim: number) {
  const { target, cause, reason, stagingMs, drainMs, returnBudgetMs, verifyMs } = spec
  const running = record.versions
    .filter(({ endpoints }) => endpoints.length > 0)
    .map(({ version }) => version)
  return {
    target,
    from: spec.keep ? [] : running.filter((version) => version !== target),
    restore: target !== null && !running.includes(target),
    claim,
    cause,
    reason,
    stagingMs,
    drainMs,
    returnBudgetMs,
    verifyMs,
  }
}

function smokeInput({ tests, failFast, concurrency, budgetMs }: SmokeSpec) {
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

function pipelineInput({ release, smoke }: PipelineSpec, record: ServiceRecord) {
  return {
    strategy: release.strategy,
    hasSmoke: smoke !== null,
    stable: record.stable,
    version: release.version,
    drainMs: release.times.drainMs,
    returnBudgetMs: release.times.returnBudgetMs,
  }
}
