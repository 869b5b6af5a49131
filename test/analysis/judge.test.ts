import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'

import { type Check, errorRate, latency } from '../../src/analysis/checks.ts'
import { bucketOf } from '../../src/analysis/histogram.ts'
import { freshJudge, judge, type Judgement, type Observation } from '../../src/analysis/judge.ts'
import { type Counts, NO_COUNTS } from '../../src/analysis/sample.ts'

const SECOND = 1_000

function counts(good: number, bad = 0, ms = 10): Counts {
  return {
    ...NO_COUNTS,
    served: [0, good, 0, 0, bad],
    latency: good + bad === 0 ? {} : { [bucketOf(ms)]: good + bad },
  }
}

function window(current: Counts, baseline: Counts | null = counts(100)): Observation {
  return { ms: SECOND, current, baseline }
}

/** Judges windows one after the other. */
function judged(checks: readonly Check[], windows: readonly Observation[]): readonly Judgement[] {
  const all: Judgement[] = []
  for (const each of windows) all.push(judge(checks, all.at(-1)?.state ?? freshJudge(checks), each))
  return all
}

function kinds(all: readonly Judgement[]): readonly string[] {
  return all.map(({ verdict, suspicion }) => `${verdict.kind} ${suspicion}`)
}

const [good, bad, idle] = [window(counts(100)), window(counts(50, 50)), window(counts(0))]

describe('harm', () => {
  test('is more failures in a row than the limit allows; up to there it is suspicion', () => {
    const checks = [errorRate({ max: 0.05, failureLimit: 2 })]
    expect(kinds(judged(checks, [bad, bad, bad]))).toEqual([
      'inconclusive raised',
      'inconclusive raised',
      'fail raised',
    ])
  })

  test('is the first failure where none is allowed', () => {
    const [first] = judged([errorRate({ max: 0.05, failureLimit: 0 })], [bad])
    expect(first?.verdict).toMatchObject({ kind: 'fail', check: 'error-rate' })
  })

  test('is counted anew after a good window', () => {
    const checks = [errorRate({ max: 0.05, failureLimit: 1 })]
    expect(kinds(judged(checks, [bad, good, bad, good]))).toEqual([
      'inconclusive raised',
      'pass cleared',
      'inconclusive raised',
      'pass cleared',
    ])
  })

  test('is not forgotten over silence', () => {
    const checks = [errorRate({ max: 0.05, failureLimit: 1 })]
    expect(kinds(judged(checks, [bad, idle, idle, bad]))).toEqual([
      'inconclusive raised',
      'inconclusive unchanged',
      'inconclusive unchanged',
      'fail raised',
    ])
  })

  test('in one check is harm, however good the others are', () => {
    const checks = [latency({ p99: '1s' }), errorRate({ max: 0.05, failureLimit: 0 })]
    expect(kinds(judged(checks, [bad]))).toEqual(['fail raised'])
  })

  test('is also found by a check that is not required', () => {
    expect(kinds(judged([errorRate({ max: 0.05, failureLimit: 0, required: false })], [bad]))).toEqual([
      'fail raised',
    ])
  })
})

describe('a bake', () => {
  const checks = [errorRate({ max: 0.05 })]

  test('is made of windows that passed, and of those that were needed to know', () => {
    const few = window(counts(20))
    expect(judged(checks, [few, few, few]).map(({ observedMs }) => observedMs)).toEqual([0, 0, 3 * SECOND])
  })

  test('is not made of windows without traffic', () => {
    expect(judged(checks, [idle, idle, good]).map(({ observedMs }) => observedMs)).toEqual([0, 0, SECOND])
  })

  test('is not made of windows in which the baseline was ill, which are not kept either', () => {
    const outage = window(counts(50, 50), counts(50, 50))
    const all = judged(checks, [outage, good])
    expect(all[0]).toMatchObject({
      verdict: { kind: 'inconclusive', cause: 'baseline-unhealthy' },
      observedMs: 0,
    })
    expect(all[1]).toMatchObject({
      verdict: { kind: 'pass' },
      observedMs: SECOND,
      current: { requests: 100 },
    })
  })

  const shown = fc.constantFrom(good, bad, idle, window(counts(20)), window(counts(9, 1), counts(0)))
  test.prop([fc.array(shown, { maxLength: 40 })])(
    'is never longer than what was watched, nor passed without evidence',
    (windows) => {
      const all = judged(checks, windows)
      const observed = all.reduce((sum, { observedMs }) => sum + observedMs, 0)
      expect(observed).toBeLessThanOrEqual(windows.length * SECOND)
      for (const { verdict, current } of all)
        if (verdict.kind === 'pass') expect(current.requests).toBeGreaterThanOrEqual(50)
    },
  )

  test.prop([fc.array(shown, { maxLength: 40 }), fc.nat(40)])(
    'goes on after a restart as if there had been none',
    (windows, at) => {
      const all = judged(checks, windows)
      const stored = JSON.parse(JSON.stringify(all[at - 1]?.state ?? freshJudge(checks)))
      let state = stored
      for (const [i, each] of windows.entries()) {
        if (i < Math.min(at, windows.length)) continue
        const next = judge(checks, state, each)
        expect(next).toEqual(all[i])
        state = next.state
      }
    },
  )
})

describe('a window that can not be true', () => {
  const checks = [errorRate({ max: 0.05 }), errorRate({ aboveBaseline: 0.01 }), latency({ timesBaseline: 2 })]
  const lies: readonly Observation[] = [
    window({ ...counts(100), failed: Number.NaN }),
    window({ ...counts(100), served: [0, Number.NaN, 0, 0, 0] }),
    window({ ...counts(100), served: [0, -50, 0, 0, 0] }),
    window({ ...counts(100), failed: Number.POSITIVE_INFINITY }),
    window({ ...counts(100), latency: { 3: Number.NaN } }),
    window(counts(100), { ...counts(100), failed: Number.NaN }),
    window(counts(100), { ...counts(100), served: [0, 0, 0, 0, -1] }),
    { ...good, ms: Number.NaN },
    { ...good, ms: -SECOND },
    { ...good, ms: 0 },
    { ...good, ms: Number.POSITIVE_INFINITY },
  ]
  test.each(lies)('is an error, and earns nothing (%#)', (lie) => {
    const [said] = judged(checks, [lie])
    expect(said).toMatchObject({ verdict: { kind: 'error' }, suspicion: 'unchanged', observedMs: 0 })
  })

  test('takes nothing from what was learnt before and after', () => {
    const few = window(counts(30))
    const lie = { ...good, ms: Number.NaN }
    expect(judged([errorRate({ max: 0.05 })], [few, lie, few]).map(({ observedMs }) => observedMs)).toEqual([
      0,
      0,
      2 * SECOND,
    ])
  })

  test('does not make a suspicion go away', () => {
    const lie = window({ ...counts(100), failed: Number.NaN })
    expect(kinds(judged([errorRate({ max: 0.05, failureLimit: 1 })], [bad, lie, bad]))).toEqual([
      'inconclusive raised',
      'error unchanged',
      'fail raised',
    ])
  })
})
