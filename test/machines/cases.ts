// Every strategy with each input that makes it another machine.
import { type Strategy, strategies } from '../../src/machines/index.ts'
import {
  pipelineInput,
  releaseInput,
  rollbackInput,
  smokeInput,
  stepsOf,
  suiteTest,
} from '../../src/testing/inputs.ts'
import type { Cast } from '../../src/testing/offers.ts'

export interface Case {
  readonly name: string
  readonly strategy: Strategy
  readonly input: object
  readonly cast: Cast
}

const WINDOW_MS = 15_000
const V2_OVER_V1: Cast = { version: 'v2', stable: 'v1', windowMs: WINDOW_MS }
const V2_ALONE: Cast = { version: 'v2', stable: null, windowMs: WINDOW_MS }

const everything = stepsOf([100], 2 * WINDOW_MS)
const { canary, pipeline, rollback, smoke, 'blue-green': blueGreen } = strategies

const first = { stable: null, steps: everything }

export const releases: readonly Case[] = [
  { name: 'canary', strategy: canary, input: releaseInput(), cast: V2_OVER_V1 },
  {
    name: 'canary that can not be undone, and leaves the old version to others',
    strategy: canary,
    input: releaseInput({ steps: stepsOf([25], 2 * WINDOW_MS), reversible: false, keepStable: true }),
    cast: V2_OVER_V1,
  },
  { name: 'first canary', strategy: canary, input: releaseInput(first), cast: V2_ALONE },
  { name: 'blue-green', strategy: blueGreen, input: releaseInput({ steps: everything }), cast: V2_OVER_V1 },
  {
    name: 'blue-green by hand',
    strategy: blueGreen,
    input: releaseInput({ steps: everything, gates: 'manual' }),
    cast: V2_OVER_V1,
  },
  {
    name: 'blue-green that can not be undone, and leaves the old version to others',
    strategy: blueGreen,
    input: releaseInput({ steps: everything, reversible: false, keepStable: true }),
    cast: V2_OVER_V1,
  },
  { name: 'first blue-green', strategy: blueGreen, input: releaseInput(first), cast: V2_ALONE },
]

const BACK_TO_V1: Cast = { version: 'v1', stable: null, others: ['v2', 'v3'], windowMs: WINDOW_MS }

export const rollbacks: readonly Case[] = [
  { name: 'rollback', strategy: rollback, input: rollbackInput({ from: ['v2', 'v3'] }), cast: BACK_TO_V1 },
  {
    name: 'rollback that restores',
    strategy: rollback,
    input: rollbackInput({ restore: true, from: [] }),
    cast: BACK_TO_V1,
  },
  {
    name: 'rollback that restores, out of a release',
    strategy: rollback,
    input: rollbackInput({ restore: true, back: 'v2', from: ['v2'] }),
    cast: BACK_TO_V1,
  },
  {
    name: 'rollback to nowhere',
    strategy: rollback,
    input: rollbackInput({ target: null }),
    cast: V2_ALONE,
  },
  {
    name: 'rollback to nowhere from nothing',
    strategy: rollback,
    input: rollbackInput({ target: null, from: [] }),
    cast: V2_ALONE,
  },
]

const suites: readonly Case[] = [
  {
    name: 'smoke',
    strategy: smoke,
    input: smokeInput({
      tests: [suiteTest('a', { retries: 1 }), suiteTest('b', { severity: 'non-critical' })],
    }),
    cast: V2_OVER_V1,
  },
  {
    name: 'smoke that fails fast, two at a time',
    strategy: smoke,
    input: smokeInput({
      tests: ['a', 'b', 'c'].map((name) => suiteTest(name)),
      failFast: true,
      concurrency: 2,
    }),
    cast: V2_OVER_V1,
  },
]

/** A pipeline's children move its traffic; what is said of it afterwards is said under its own claim. */
const judged = { claim: 7, n: 0 }

export const pipelines: readonly Case[] = [
  { name: 'pipeline', strategy: pipeline, input: pipelineInput(), cast: { ...V2_OVER_V1, judged } },
  {
    name: 'pipeline that can not be undone',
    strategy: pipeline,
    input: pipelineInput({ reversible: false }),
    cast: { ...V2_OVER_V1, judged },
  },
  {
    name: 'first pipeline',
    strategy: pipeline,
    input: pipelineInput({ stable: null }),
    cast: { ...V2_ALONE, judged },
  },
  {
    name: 'pipeline without tests',
    strategy: pipeline,
    input: pipelineInput({ hasSmoke: false }),
    cast: { ...V2_OVER_V1, judged },
  },
  {
    name: 'first pipeline that can not be undone',
    strategy: pipeline,
    input: pipelineInput({ stable: null, reversible: false }),
    cast: { ...V2_ALONE, judged },
  },
  {
    name: 'first pipeline without tests',
    strategy: pipeline,
    input: pipelineInput({ stable: null, hasSmoke: false }),
    cast: { ...V2_ALONE, judged },
  },
]

export const cases: readonly Case[] = [...releases, ...rollbacks, ...suites, ...pipelines]
