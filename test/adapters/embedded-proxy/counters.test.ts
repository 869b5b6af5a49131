import { expect, test } from 'vitest'

import { Ledger } from '../../../src/adapters/embedded-proxy/counters.ts'
import { add, NO_COUNTS } from '../../../src/analysis/sample.ts'

function serve(ledger: Ledger, claim: number): void {
  const tally = ledger.tally({ claim, n: 1 }, 'v1')
  tally.began()
  tally.ended({ kind: 'served', status: 200, ms: 1 })
}

function total(ledger: Ledger): number {
  return ledger.since(0).reduce((sum, { counts }) => add(sum, counts), NO_COUNTS).served[1]
}

test('after a thousand claims three tallies are kept, and no request is lost', () => {
  const ledger = new Ledger()
  for (let claim = 1; claim <= 1_000; claim++) serve(ledger, claim)

  expect(ledger.since(0).map(({ generation }) => generation.claim)).toEqual([0, 999, 1_000])
  expect(total(ledger)).toBe(1_000)
})

test('counts are asked for since a claim, and what was folded belongs to none', () => {
  const ledger = new Ledger()
  for (let claim = 1; claim <= 4; claim++) serve(ledger, claim)
  expect(ledger.since(4).map(({ generation }) => generation)).toEqual([{ claim: 4, n: 1 }])
  expect(ledger.since(1).map(({ generation }) => generation.claim)).toEqual([3, 4])
})

test('a request that outlives its generation is counted once, also when that was folded meanwhile', () => {
  const ledger = new Ledger()
  const old = ledger.tally({ claim: 1, n: 1 }, 'v1')
  old.began()
  for (let claim = 2; claim <= 9; claim++) serve(ledger, claim)
  expect(ledger.since(0).reduce((sum, { counts }) => sum + counts.inFlight, 0)).toBe(1)

  old.ended({ kind: 'served', status: 200, ms: 900 })

  expect(total(ledger)).toBe(9)
  expect(total(ledger)).toBe(9)
  expect(ledger.since(0).map(({ generation }) => generation.claim)).toEqual([0, 8, 9])
})

test('a version that is routed is named before its first request', () => {
  const ledger = new Ledger()
  ledger.tally({ claim: 1, n: 1 }, 'v2')
  expect(ledger.since(1)).toEqual([{ generation: { claim: 1, n: 1 }, version: 'v2', counts: NO_COUNTS }])
})
