import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'

import {
  add,
  areSound,
  type Counts,
  errorsOf,
  NO_COUNTS,
  requestsOf,
  since,
  snapshotOf,
} from '../../src/analysis/sample.ts'

const n = fc.nat(1_000_000)
const counts: fc.Arbitrary<Counts> = fc.record({
  served: fc.tuple(n, n, n, n, n),
  failed: n,
  clientAborts: n,
  cut: n,
  inFlight: n,
  latency: fc.dictionary(
    fc.integer({ min: -100, max: 400 }).map(String),
    n.map((k) => k + 1),
  ),
})

describe('counts', () => {
  test.prop([counts, counts])(
    'that grew differ by what was added; what is open now stays as it is',
    (before, more) => {
      const later = add(before, more)
      expect(since(later, before)).toEqual({ ...more, inFlight: later.inFlight })
    },
  )

  test.prop([counts, counts])('add up in any order', (a, b) => {
    expect(add(a, b)).toEqual(add(b, a))
    expect(add(a, NO_COUNTS)).toEqual(a)
    expect(requestsOf(add(a, b))).toBe(requestsOf(a) + requestsOf(b))
    expect(errorsOf(add(a, b))).toBe(errorsOf(a) + errorsOf(b))
  })

  test.prop([counts])('of whole numbers are sound', (some) => {
    expect(areSound(some)).toBe(true)
  })

  const unsound: readonly Partial<Counts>[] = [
    { failed: Number.NaN },
    { failed: -1 },
    { failed: 0.5 },
    { failed: Number.POSITIVE_INFINITY },
    { served: [0, -3, 0, 0, 0] },
    { served: [0, 0, 0, 0, Number.NaN] },
    { clientAborts: 1e300 },
    { inFlight: -1 },
    { latency: { 5: -1 } },
    { latency: JSON.parse('{"NaN": 1}') },
    { failed: JSON.parse('"3"') },
  ]
  test.each(unsound)('like %o are not', (part) => {
    expect(areSound({ ...NO_COUNTS, ...part })).toBe(false)
  })
})

describe('what people read of counts', () => {
  test("errors are the version's own 5xx, and all that failed", () => {
    const some: Counts = { ...NO_COUNTS, served: [1, 80, 2, 3, 4], failed: 10 }
    expect(snapshotOf(some, 1_000)).toMatchObject({
      requests: 100,
      errors: 14,
      errorRate: 0.14,
      windowMs: 1_000,
    })
  })

  test('without requests there is no rate and no latency', () => {
    expect(snapshotOf(NO_COUNTS, 1_000)).toEqual({
      requests: 0,
      errors: 0,
      errorRate: null,
      latency: { p50: null, p90: null, p99: null },
      windowMs: 1_000,
    })
  })
})
