import { fc, test } from '@fast-check/vitest'
import { from, lastValueFrom, toArray } from 'rxjs'
import { describe, expect } from 'vitest'

import { errorRate } from '../../src/analysis/checks.ts'
import { freshJudge, type Judgement } from '../../src/analysis/judge.ts'
import { type MetricsWindow, NO_COUNTS, type Sample } from '../../src/analysis/sample.ts'
import {
  concludeHealth,
  type HealthConclusion,
  type HealthSample,
  judgeWindows,
} from '../../src/events/streams.ts'

type Health = HealthSample['health']

/** Rounds as text: one letter an instance, `h`ealthy, `u`nhealthy or `e`rror. */
function rounds(...texts: readonly string[]): readonly (readonly HealthSample[])[] {
  const meant: Readonly<Record<string, Health>> = { h: 'healthy', u: 'unhealthy', e: 'error' }
  return texts.map((text) =>
    text
      .split('')
      .map((letter, i) => ({ instance: `i-${i}`, health: meant[letter] ?? 'error', message: '503' })),
  )
}

async function concluded(
  threshold: number,
  all: readonly (readonly HealthSample[])[],
): Promise<readonly HealthConclusion[]> {
  return lastValueFrom(from(all).pipe(concludeHealth(threshold), toArray()))
}

async function words(threshold: number, ...texts: readonly string[]): Promise<readonly string[]> {
  return (await concluded(threshold, rounds(...texts))).map(({ health }) => health)
}

/** The dumb twin: what was said last, found by looking back from each round. */
function slowly(texts: readonly string[], threshold: number): string | undefined {
  let said: string | undefined
  for (const [i, text] of texts.entries()) {
    const back = (isIt: (earlier: string) => boolean): number => {
      let times = 0
      while (i - times >= 0 && isIt(texts[i - times] ?? '')) times++
      return times
    }
    const worst = Math.max(...text.split('').map((_, at) => back((earlier) => (earlier[at] ?? 'h') !== 'h')))
    if (worst > 0) said = worst >= threshold ? 'unhealthy' : 'suspect'
    else if (back((earlier) => /^h+$/.test(earlier)) >= threshold) said = 'healthy'
  }
  return said
}

describe('health', () => {
  test('is said after as many good rounds as the threshold, once', async () => {
    expect(await words(3, 'h', 'h')).toEqual([])
    expect(await words(3, 'h', 'h', 'h', 'h', 'h')).toEqual(['healthy'])
  })

  test('is suspected after the first bad answer, and lost after the threshold', async () => {
    expect(await words(3, 'h', 'h', 'h', 'u', 'u', 'u', 'u')).toEqual(['healthy', 'suspect', 'unhealthy'])
  })

  test('comes back after as many good rounds', async () => {
    expect(await words(2, 'h', 'h', 'u', 'h', 'h')).toEqual(['healthy', 'suspect', 'healthy'])
  })

  test('is not lost by instances that fail in turn: the same one has to', async () => {
    expect(await words(2, 'hh', 'hh', 'uh', 'hu', 'uh', 'hu')).toEqual(['healthy', 'suspect'])
    expect(await words(2, 'hh', 'hh', 'uh', 'uu')).toEqual(['healthy', 'suspect', 'unhealthy'])
  })

  test('that could not be asked for is no health', async () => {
    expect(await words(1, 'e')).toEqual(['unhealthy'])
    expect(await words(2, 'e', 'h', 'e')).toEqual(['suspect'])
  })

  test('of nobody is never said', async () => {
    expect(await words(1, '', '', '')).toEqual([])
  })

  test('with a threshold of one knows no suspicion', async () => {
    expect(await words(1, 'h', 'u', 'h')).toEqual(['healthy', 'unhealthy', 'healthy'])
  })

  test('says how often in a row', async () => {
    const [, last] = await concluded(2, rounds('u', 'u'))
    expect(last?.reason).toBe('503 (2 in a row)')
  })

  const letter = fc.constantFrom('h', 'u', 'e')
  const round = fc.array(letter, { minLength: 1, maxLength: 3 }).map((all) => all.join(''))
  test.prop([fc.array(round, { maxLength: 30 }), fc.integer({ min: 1, max: 4 })])(
    'is what the newest rounds say, as a slow look over all of them finds it',
    async (texts, threshold) => {
      const said = await words(threshold, ...texts)
      expect(said.at(-1)).toBe(slowly(texts, threshold))
      expect(said.every((health, i) => health !== said[i - 1])).toBe(true)
    },
  )
})

const sample = (version: string, good: number): Sample => ({
  version,
  counts: { ...NO_COUNTS, served: [0, good, 0, 0, 0] },
})
const windowOf = (...samples: readonly Sample[]): MetricsWindow => ({ from: 0, ms: 1_000, samples })

describe('windows', () => {
  const checks = [errorRate({ max: 0.05 })]
  async function judgements(...all: readonly MetricsWindow[]): Promise<readonly Judgement[]> {
    const who = { version: 'v2', baseline: 'v1' }
    return lastValueFrom(from(all).pipe(judgeWindows(checks, who, freshJudge(checks)), toArray()))
  }

  test('are judged one by one, going on from what was remembered', async () => {
    const few = windowOf(sample('v1', 100), sample('v2', 25))
    const all = await judgements(few, few)
    expect(all.map(({ verdict }) => verdict.kind)).toEqual(['inconclusive', 'pass'])
    expect(all[1]?.current.requests).toBe(50)
  })

  test('that do not name the version saw no traffic of it', async () => {
    const [said] = await judgements(windowOf(sample('v1', 100)))
    expect(said?.verdict).toMatchObject({ kind: 'inconclusive', cause: 'no-traffic' })
  })

  test('that name the version twice are an error', async () => {
    const [said] = await judgements(windowOf(sample('v2', 100), sample('v2', 100)))
    expect(said?.verdict.kind).toBe('error')
  })
})
