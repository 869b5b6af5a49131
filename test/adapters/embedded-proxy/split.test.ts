import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'

import { Split } from '../../../src/adapters/embedded-proxy/split.ts'

const WHOLE = 10_000

/** Weights that sum to 10,000, of up to six versions. */
const weights = fc
  .array(fc.integer({ min: 0, max: WHOLE }), { minLength: 0, maxLength: 5 })
  .map((cuts) => [0, ...cuts.toSorted((a, b) => a - b), WHOLE])
  .map((cuts) => cuts.slice(1).map((cut, i) => cut - (cuts[i] ?? 0)))

function dealt(parts: readonly number[], turns: number): { counts: number[]; worst: number } {
  const split = new Split(parts.map((weight, value) => ({ weight, value })))
  const counts = parts.map(() => 0)
  let worst = 0
  for (let turn = 1; turn <= turns; turn++) {
    const value = split.next() ?? -1
    counts[value] = (counts[value] ?? 0) + 1
    for (const [i, weight] of parts.entries()) {
      worst = Math.max(worst, Math.abs((counts[i] ?? 0) - (turn * weight) / WHOLE))
    }
  }
  return { counts, worst }
}

test.prop([weights], { numRuns: 60 })(
  'every 10,000 turns deal exactly the weights, and no prefix is off by a whole turn',
  (parts) => {
    const { counts, worst } = dealt(parts, WHOLE)
    expect(counts).toEqual(parts)
    expect(worst).toBeLessThan(1)
  },
)

test('any 10,000 turns in a row deal exactly the weights, wherever they begin', () => {
  const split = new Split([
    { weight: 125, value: 'canary' },
    { weight: WHOLE - 125, value: 'stable' },
  ])
  for (let i = 0; i < 4_321; i++) split.next()
  const next = Array.from({ length: WHOLE }, () => split.next())
  expect(next.filter((value) => value === 'canary')).toHaveLength(125)
})

test('nobody is dealt when nobody has a weight', () => {
  expect(new Split([{ weight: 0, value: 'v1' }]).next()).toBe(null)
  expect(new Split([]).next()).toBe(null)
})
