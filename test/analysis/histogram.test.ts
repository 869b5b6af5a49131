import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'

import {
  bucketOf,
  difference,
  type Histogram,
  merge,
  quantile,
  size,
  upperBound,
} from '../../src/analysis/histogram.ts'

/** One step of the buckets: what a quantile may be too high by. */
const STEP = 2 ** (1 / 16)

const durations = fc.array(fc.double({ min: 0.001, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 200 })

function histogramOf(all: readonly number[]): Histogram {
  const counts: Record<number, number> = {}
  for (const ms of all) counts[bucketOf(ms)] = (counts[bucketOf(ms)] ?? 0) + 1
  return counts
}

/** The dumb twin: the durations themselves, in order. */
function exactQuantile(all: readonly number[], q: number): number {
  const sorted = all.toSorted((a, b) => a - b)
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? Number.NaN
}

describe('a quantile', () => {
  test.prop([durations, fc.double({ min: 0, max: 1, noNaN: true })])(
    'is that of the sorted durations, never too low, and too high by less than a bucket',
    (all, q) => {
      const exact = exactQuantile(all, q)
      const read = quantile(histogramOf(all), q) ?? Number.NaN
      expect(read).toBeGreaterThanOrEqual(exact * (1 - 1e-9))
      expect(read).toBeLessThanOrEqual(exact * STEP * (1 + 1e-9))
    },
  )

  test('of nothing is null', () => {
    expect(quantile({}, 0.5)).toBeNull()
  })

  test('of one duration is that duration, at any share', () => {
    const one = histogramOf([100])
    expect([0, 0.5, 0.99, 1].map((q) => quantile(one, q))).toEqual(Array(4).fill(upperBound(bucketOf(100))))
  })

  test('of durations under a microsecond is a microsecond', () => {
    expect(bucketOf(0)).toBe(bucketOf(0.001))
    expect(bucketOf(-5)).toBe(bucketOf(0.001))
  })
})

describe('histograms', () => {
  test.prop([durations, durations])('merged hold the durations of both', (a, b) => {
    expect(merge(histogramOf(a), histogramOf(b))).toEqual(histogramOf([...a, ...b]))
  })

  test.prop([durations, durations])('that grew differ by what was added', (before, more) => {
    const [earlier, added] = [histogramOf(before), histogramOf(more)]
    expect(difference(merge(earlier, added), earlier)).toEqual(added)
  })

  test.prop([durations])('count every duration once, in a bucket that holds it', (all) => {
    expect(size(histogramOf(all))).toBe(all.length)
    for (const ms of all) {
      const bucket = bucketOf(ms)
      expect(ms).toBeLessThanOrEqual(upperBound(bucket) * (1 + 1e-12))
      expect(ms).toBeGreaterThan(upperBound(bucket - 1) * (1 - 1e-12))
    }
  })

  test('that were set back differ by nothing negative', () => {
    expect(difference({ 1: 5 }, { 1: 7, 2: 3 })).toEqual({})
  })
})
