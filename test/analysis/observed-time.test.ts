// What counts as having been watched: the bake of a step is made of this.
import { expect, test } from 'vitest'

import { errorRate } from '../../src/analysis/checks.ts'
import { freshJudge, judge, type Observation } from '../../src/analysis/judge.ts'
import { type Counts, NO_COUNTS } from '../../src/analysis/sample.ts'

const SECOND = 1_000
const idle: Observation = { ms: SECOND, current: NO_COUNTS, baseline: null }
const busy: Observation = { ms: SECOND, current: served(100), baseline: null }

test('a second without a request is no second of the bake, also when nothing serves beside the version', () => {
  const checks = [errorRate({ max: 0.05 })]
  const first = judge(checks, freshJudge(checks), idle)
  const second = judge(checks, first.state, busy)
  expect([first.observedMs, second.observedMs]).toEqual([0, SECOND])
})

test('where no check is required, watching is enough', () => {
  const checks = [errorRate({ max: 0.05, required: false })]
  expect(judge(checks, freshJudge(checks), idle)).toMatchObject({
    verdict: { kind: 'pass' },
    observedMs: SECOND,
  })
})

test('where there is no check at all, watching is enough', () => {
  const beside = { ...idle, baseline: NO_COUNTS }
  expect(judge([], freshJudge([]), beside)).toMatchObject({ verdict: { kind: 'pass' }, observedMs: SECOND })
})

test('what is seen while nothing bakes is no bake, and what was baked before is earned afterwards', () => {
  const checks = [errorRate({ max: 0.05, minSamples: 250 })]
  const paused: Observation = { ...busy, isBaking: false }
  let state = freshJudge(checks)
  const earned = [busy, paused, paused, paused, busy, busy, busy].map((window) => {
    const said = judge(checks, state, window)
    ;({ state } = said)
    return `${said.verdict.kind} ${said.observedMs}`
  })
  const few = 'inconclusive 0'
  expect(earned).toEqual([few, few, 'pass 0', few, few, `pass ${3 * SECOND}`, few])
})

function served(requests: number): Counts {
  return { ...NO_COUNTS, served: [0, requests, 0, 0, 0] }
}
