import { describe, expect, test } from 'vitest'

import { type Check, errorRate, latency } from '../../src/analysis/checks.ts'
import { examine } from '../../src/analysis/examine.ts'
import type { MetricsSnapshot } from '../../src/analysis/sample.ts'

function measured(changed: Partial<MetricsSnapshot> = {}): MetricsSnapshot {
  return {
    requests: 100,
    errors: 0,
    errorRate: 0,
    latency: { p50: 10, p90: 20, p99: 30 },
    windowMs: 1_000,
    ...changed,
  }
}

function failing(rate: number): MetricsSnapshot {
  return measured({ errors: rate * 100, errorRate: rate })
}

function slow(p99: number): MetricsSnapshot {
  return measured({ latency: { p50: 10, p90: 20, p99 } })
}

const silence = measured({ requests: 0, errorRate: null, latency: { p50: null, p90: null, p99: null } })

describe('an error rate', () => {
  test('up to its limit is good, above it is bad', () => {
    const check = errorRate({ max: 0.05 })
    expect(examine(check, failing(0.05), null).kind).toBe('good')
    expect(examine(check, failing(0.06), null)).toEqual({
      kind: 'bad',
      reason: '6 % of requests failed, at most 5 % may',
    })
  })

  test('further above that of the baseline than allowed is bad', () => {
    const check = errorRate({ aboveBaseline: 0.01 })
    expect(examine(check, failing(0.1), failing(0.09)).kind).toBe('good')
    expect(examine(check, failing(0.1), failing(0.05))).toMatchObject({
      kind: 'bad',
      reason: '10 % of requests failed, 5 % in the baseline',
    })
  })

  test('above its limit in the baseline too is nobody’s fault, and no proof', () => {
    expect(examine(errorRate({ max: 0.05 }), failing(0.5), failing(0.5))).toMatchObject({
      kind: 'silent',
      cause: 'baseline-unhealthy',
    })
  })

  test('that is worse than an ill baseline is bad all the same', () => {
    const check = errorRate({ max: 0.05, aboveBaseline: 0.01 })
    expect(examine(check, failing(0.9), failing(0.1)).kind).toBe('bad')
  })
})

describe('a latency', () => {
  test('up to its limit is good, above it is bad', () => {
    const check = latency({ p99: '500ms' })
    expect(examine(check, slow(500), null).kind).toBe('good')
    expect(examine(check, slow(501), null)).toMatchObject({
      kind: 'bad',
      reason: 'p99 is 501ms, at most 500ms is fine',
    })
  })

  test('is compared with the baseline of the same moment', () => {
    const check = latency({ timesBaseline: 2 })
    expect(examine(check, slow(60), slow(30)).kind).toBe('good')
    expect(examine(check, slow(61), slow(30)).kind).toBe('bad')
  })

  test.each([
    ['p50', latency({ p50: '5ms' })],
    ['p90', latency({ p90: '5ms' })],
    ['p99', latency({ p99: '5ms' })],
  ] as const)('of %s is read where it stands', (named, check) => {
    const finding = examine(check, measured(), null)
    expect(finding.kind === 'bad' && finding.reason).toContain(named)
  })

  test('of nothing that was answered says nothing', () => {
    const unanswered = measured({ latency: { p50: null, p90: null, p99: null } })
    expect(examine(latency({ p99: '5ms' }), unanswered, null).kind).toBe('silent')
  })
})

describe('no evidence', () => {
  const checks: readonly Check[] = [
    errorRate({ max: 0.05 }),
    errorRate({ aboveBaseline: 0.01 }),
    latency({ p99: '500ms' }),
    latency({ timesBaseline: 2 }),
  ]
  test.each(checks)('is never good ($name)', (check) => {
    expect(examine(check, silence, measured())).toMatchObject({ kind: 'silent', cause: 'no-traffic' })
    expect(examine(check, measured({ requests: 49 }), measured())).toMatchObject({
      kind: 'silent',
      cause: 'underpowered',
      reason: '49 of 50 requests to the new version',
    })
  })

  test.each(checks.slice(1, 2).concat(checks.slice(3)))(
    'in the baseline is none to compare with ($name)',
    (check) => {
      expect(examine(check, measured(), silence)).toMatchObject({ kind: 'silent', cause: 'underpowered' })
      expect(examine(check, measured(), measured({ requests: 49 })).kind).toBe('silent')
    },
  )

  const nonsense: readonly Partial<MetricsSnapshot>[] = [
    { requests: Number.NaN },
    { requests: Number.POSITIVE_INFINITY },
    { requests: -100 },
    { errorRate: Number.NaN },
    { errorRate: -1 },
    { latency: { p50: Number.NaN, p90: Number.NaN, p99: Number.NaN } },
  ]
  test.each(nonsense)('is what makes no sense: %o', (part) => {
    for (const check of checks) {
      expect(examine(check, measured(part), measured()).kind).toBe('silent')
      expect(examine(check, measured(), measured(part)).kind).toBe('silent')
    }
  })
})

describe('a check', () => {
  test.each([
    () => errorRate({}),
    () => errorRate({ max: 1.5 }),
    () => errorRate({ max: Number.NaN }),
    () => errorRate({ aboveBaseline: -0.1 }),
    () => errorRate({ max: 0.1, minSamples: 0 }),
    () => errorRate({ max: 0.1, failureLimit: 101 }),
    () => latency({}),
    () => latency({ p50: '1s', p99: '2s' }),
    () => latency({ p99: '0s' }),
    () => latency({ timesBaseline: 0.5 }),
    () => latency({ timesBaseline: Number.NaN }),
  ])('that asks for nothing sensible is refused (%#)', (make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'ARGUMENT_INVALID', hint: expect.any(String) }))
  })
})
