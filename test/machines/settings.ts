// The worlds that rollouts are lived through in, with times short enough for a rollout to see all of them.
import { strategies, type StrategyName } from '../../src/machines/index.ts'
import {
  pipelineInput,
  releaseInput,
  rollbackInput,
  smokeInput,
  stepsOf,
  suiteTest,
} from '../../src/testing/inputs.ts'
import type { Setting } from '../../src/testing/world/world.ts'

const times = { progressMs: 300_000, retireMs: 60_000, degradedMs: 40_000 }
const everything = stepsOf([100], 30_000)
const over = { strategies, version: 'v2', stable: 'v1' }

const canary: Setting = {
  ...over,
  strategy: 'canary',
  input: releaseInput({ ...times, steps: stepsOf([5, 25, 60], 30_000) }),
}

export const releases: Readonly<Record<string, Setting>> = {
  canary,
  'canary that can not be undone': {
    ...over,
    strategy: 'canary',
    input: releaseInput({ ...times, reversible: false }),
  },
  'first canary': {
    ...over,
    stable: null,
    strategy: 'canary',
    input: releaseInput({ ...times, stable: null, steps: everything }),
  },
  'blue-green': { ...over, strategy: 'blue-green', input: releaseInput({ ...times, steps: everything }) },
  'blue-green by hand': {
    ...over,
    strategy: 'blue-green',
    input: releaseInput({ ...times, steps: everything, gates: 'manual' }),
  },
}

export const rollback: Setting = {
  ...over,
  strategy: 'rollback',
  version: 'v1',
  stable: 'v2',
  input: rollbackInput({ restore: true }),
}

export const suite = smokeInput({
  tests: [
    suiteTest('health', { retries: 1 }),
    suiteTest('search', { retries: 2 }),
    suiteTest('metrics', { severity: 'non-critical' }),
    suiteTest('docs'),
  ],
  concurrency: 2,
})
export const smoke: Setting = { ...over, strategy: 'smoke', input: suite }
export const failFast: Setting = { ...smoke, input: { ...suite, failFast: true } }

export const pipelines: Readonly<Record<string, Setting>> = {
  pipeline: {
    ...over,
    strategy: 'pipeline',
    input: pipelineInput({ retireMs: 60_000, undoMs: 32_000 }),
    childInput: inputOf,
  },
  'pipeline that can not be undone': {
    ...over,
    strategy: 'pipeline',
    input: pipelineInput({ reversible: false, retireMs: 60_000, undoMs: 32_000 }),
    childInput: (strategy, claim) => irreversible(inputOf(strategy, claim)),
  },
  'blue-green pipeline': {
    ...over,
    strategy: 'pipeline',
    input: pipelineInput({ strategy: 'blue-green', retireMs: 60_000, undoMs: 32_000 }),
    childInput: inputOf,
  },
}

function irreversible(input: unknown): unknown {
  return typeof input === 'object' && input !== null && 'reversible' in input
    ? { ...input, reversible: false }
    : input
}

function inputOf(strategy: StrategyName, claim: number): unknown {
  switch (strategy) {
    case 'canary':
      return releaseInput({ ...times, keepStable: true, claim })
    case 'blue-green':
      return releaseInput({ ...times, steps: everything, keepStable: true, claim })
    case 'smoke':
      return suite
    case 'rollback':
      return rollbackInput({ claim, cause: 'smoke-test-failure', reason: 'v2 did not pass' })
    case 'pipeline':
      throw new TypeError('a pipeline has no pipeline inside')
  }
}
