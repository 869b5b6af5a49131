// What must always be true, in worlds that answer: late, twice, never, with bad news, with people who press everything and
// a controller that dies. A failure prints the luck that led to it; shrunk, it is the shortest such history.
import { test as proven } from '@fast-check/vitest'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { shareOf } from '../../src/events/share.ts'
import { pathOf, type ReleaseInput, strategies } from '../../src/machines/index.ts'
import { offersAt } from '../../src/testing/offers.ts'
import { luck } from '../../src/testing/world/luck.ts'
import { type History, live, type Moment, type Setting } from '../../src/testing/world/world.ts'
import {
  after,
  bakes,
  before,
  ceilingOf,
  isAll,
  isCurrent,
  isRaised,
  isReadBack,
  raises,
  rowsOf,
  shiftsOf,
} from './oracles.ts'
import { failFast, pipelines, releases, rollback, smoke, suite } from './settings.ts'

/** How many worlds each statement is held against, every time. */
const WORLDS = { numRuns: 60 }
const { pipeline } = strategies
const PROMOTED = { status: 'promoted', cause: null, reason: null }

/** How many of fixed seeds the endings are counted in. */
const COUNTED = { seed: 20_261, numRuns: 600 }

const entered = (moment: Moment, path: string) => after(moment) === path && before(moment) !== path

const lastOf = ({ moments }: History, member: string) =>
  moments.findLast((moment) => moment.member === member)

/** The answers that a suite took, to one of its tests. */
function answersTo({ moments }: History, name: string) {
  return moments.flatMap(({ event, before: was, after: is }) =>
    event?.type === 'test.concluded' && event.test === name && is.context !== was?.context ? [event] : [],
  )
}

function ending(history: History): string {
  const path = pathOf(history.last.value)
  return history.isOver ? path : `still ${path}`
}

/** States a fact about every history that this setting can have. */
function provenIn(setting: Setting) {
  return (fact: string, holds: (history: History) => void) =>
    proven.prop([luck()], WORLDS)(fact, (numbers) => holds(live(setting, numbers)))
}

/** The states that hardly any rollout was in: what is said about them would be said about nothing. */
function rarelySeen(setting: Setting, places: readonly string[]): readonly string[] {
  const counts = new Map(places.map((place) => [place, 0]))
  for (const numbers of fc.sample(luck(), COUNTED)) {
    const own = live(setting, numbers).moments.filter(({ member }) => member === 'root')
    for (const place of new Set(own.map((moment) => after(moment)))) {
      counts.set(place, (counts.get(place) ?? 0) + 1)
    }
  }
  return places.filter((place) => (counts.get(place) ?? 0) < 5)
}

describe.each(Object.entries(releases))('in every world, a %s', (_, setting) => {
  const { version, stable } = setting
  const input = setting.input as ReleaseInput
  const strategy = strategies[setting.strategy as 'canary']
  const everywhere = provenIn(setting)

  everywhere('ends, once the world is kind', (history) => {
    expect(['promoted', 'rolled-back', 'failed', 'superseded']).toContain(ending(history))
  })

  everywhere('asks for splits that sum to 100 %', ({ moments }) => {
    for (const { split } of moments.flatMap(shiftsOf)) {
      const sum = split.reduce((total, { weight }) => total + weight, 0)
      expect(sum).toBe(split.length === 0 && stable === null ? 0 : 10_000)
    }
  })

  everywhere(
    'never gives more than the step, or than a person asked for, before the last bake is over',
    (history) => {
      for (const row of rowsOf(history)) {
        for (const { split } of shiftsOf(row.moment)) {
          expect(shareOf(split, version)).toBeLessThanOrEqual(ceilingOf(row, setting))
        }
      }
    },
  )

  everywhere('never raises the weight while anyone who watches sees harm', (history) => {
    for (const { at, doubts } of raises(history, version)) expect([at, ...doubts]).toEqual([at])
  })

  everywhere(
    'is promoted only after the router was read back with everything on the new version',
    (history) => {
      if (ending(history) !== 'promoted') return
      expect(isReadBack(history, 'root', version)).toBe(true)
      expect(isAll(history.moments.at(-1)?.router.split, version)).toBe(true)
    },
  )

  everywhere('is promoted without a complaint', (history) => {
    if (ending(history) === 'promoted') expect(strategy.outcomeOf(history.last)).toEqual(PROMOTED)
  })

  everywhere(
    'is rolled back only after the router was read back with nothing on the new version',
    (history) => {
      if (!['rolled-back', 'failed'].includes(ending(history))) return
      expect(isReadBack(history, 'root', stable)).toBe(true)
      expect(isAll(history.moments.at(-1)?.router.split, stable)).toBe(true)
    },
  )

  everywhere('takes no confirmation and no verdict for another than the one it waits for', (history) => {
    for (const { moment, asked } of rowsOf(history)) {
      const { event, before: was, after: is, commands } = moment
      if (event === null || !('generation' in event) || isCurrent(event, asked)) continue
      expect(commands).toEqual([])
      expect([is.value, is.context]).toEqual([was?.value, was?.context])
    }
  })

  everywhere('shortens no bake', (history) => {
    for (const { observedMs, bakeMs } of bakes(history, input)) {
      expect(observedMs).toBeGreaterThanOrEqual(bakeMs)
    }
  })

  everywhere('goes forward on a pass and on what people ask for, and on nothing else', (history) => {
    for (const row of rowsOf(history)) {
      const { event } = row.moment
      const isForward = isRaised(row, version) || entered(row.moment, 'promoting')
      if (!isForward || event === null) continue
      if (event.type === 'analysis.concluded') expect(event.verdict.kind).toBe('pass')
      else expect(event.type).toMatch(/^(?:version\.ready|(?:promote|resume|swap|weight)\.requested)$/)
    }
  })

  everywhere('is never promoted once it goes back', (history) => {
    const isBack = history.moments.some((moment) => after(moment).startsWith('rolling-back'))
    if (isBack) expect(['rolled-back', 'failed', 'superseded']).toContain(ending(history))
  })

  everywhere('calls for people when it is stranded, and goes on trying', ({ moments }) => {
    for (const moment of moments) {
      if (entered(moment, 'rolling-back.stranded')) {
        expect(moment.commands.map(({ type }) => type)).toContain('page')
        expect(shiftsOf(moment)).toHaveLength(1)
      }
    }
  })

  everywhere('always has a way back in reserve that is newer than all it asked for', (history) => {
    for (const { moment, now } of rowsOf(history)) {
      if (now === undefined || moment.after.status !== 'active') continue
      const reserved = strategy.returnOf(moment.after)
      expect(isAll(reserved?.split, stable)).toBe(true)
      expect(reserved?.generation).toEqual({ claim: moment.claim, n: now.generation.n + 1 })
    }
  })

  everywhere('stays ended, whatever is still said', ({ last: ended, isOver }) => {
    expect(isOver).toBe(true)
    const standing = {
      snapshot: ended,
      timers: ['deadline', 'retry'],
      asked: null,
      confirmed: null,
      children: {},
      attempts: {},
    } as const
    for (const event of offersAt(standing, { version, stable, windowMs: 1 })) {
      expect(strategy.step(ended, event)).toEqual({ snapshot: ended, commands: [] })
    }
  })

  test('goes all ways that there are, or the rest would prove nothing', () => {
    const endings = [
      'promoted',
      stable === null ? 'failed' : 'rolled-back',
      'superseded',
      'rolling-back.stranded',
    ]
    const places = ['degraded', 'paused', ...(input.reversible ? [] : ['frozen'])]
    expect(rarelySeen(setting, [...endings, ...places])).toEqual([])
  })
})

describe('in every world, a rollback', () => {
  const everywhere = provenIn(rollback)

  everywhere('ends, once the world is kind', (history) => {
    expect(['rolled-back', 'failed', 'superseded']).toContain(ending(history))
  })

  everywhere(
    'is rolled back only after the router was read back with everything on the target',
    (history) => {
      if (ending(history) === 'rolled-back') expect(isReadBack(history, 'root', 'v1')).toBe(true)
    },
  )

  everywhere('touches no traffic when the target can not be restored', (history) => {
    if (ending(history) === 'failed') expect(history.moments.flatMap(shiftsOf)).toEqual([])
  })

  everywhere('stops nothing that may still have traffic', (history) => {
    for (const { moment, now } of rowsOf(history)) {
      const isLeaving = moment.commands.some(
        ({ type, params }) => type === 'stopVersion' && params.version === 'v2',
      )
      if (isLeaving) expect([now, isAll(moment.router.split, 'v1')]).toEqual([expect.anything(), true])
    }
  })

  test('goes all ways that there are', () => {
    expect(
      rarelySeen(rollback, ['rolled-back', 'failed', 'superseded', 'routing.stranded', 'withdrawing']),
    ).toEqual([])
  })
})

describe.each([
  ['suite of smoke tests', smoke],
  ['suite that fails fast', failFast],
])('in every world, a %s', (_, setting) => {
  const everywhere = provenIn(setting)
  everywhere('ends', (history) => {
    expect(['passed', 'failed', 'aborted']).toContain(ending(history))
  })

  everywhere('passes only when each critical test was last said to have passed', (history) => {
    if (ending(history) !== 'passed') return
    for (const { name, severity } of suite.tests) {
      const answer = answersTo(history, name).at(-1)
      if (severity === 'critical') expect([name, answer?.answer.status]).toEqual([name, 'passed'])
    }
  })

  everywhere('makes each attempt once, and no more than it may', ({ moments }) => {
    const attempts = moments.flatMap(({ commands }) =>
      commands.flatMap(({ type, params }) => (type === 'runTest' ? [params] : [])),
    )
    expect(new Set(attempts.map(({ test: name, attempt }) => `${name} ${attempt}`)).size).toBe(
      attempts.length,
    )
    for (const { test: name, attempt } of attempts) {
      expect(attempt).toBeLessThanOrEqual(
        1 + (suite.tests.find((rules) => rules.name === name)?.retries ?? 0),
      )
    }
  })

  everywhere('runs no more at a time than it may', ({ moments }) => {
    for (const { after: is } of moments) {
      const { results } = is.context as { results: readonly { readonly status: string }[] }
      expect(results.filter(({ status }) => status === 'running').length).toBeLessThanOrEqual(
        suite.concurrency,
      )
    }
  })

  test('goes all ways that there are', () => {
    expect(rarelySeen(setting, ['passed', 'failed', 'aborted'])).toEqual([])
  })
})

describe.each(Object.entries(pipelines))('in every world, a %s', (_, setting) => {
  const everywhere = provenIn(setting)

  everywhere('ends, once the world is kind', (history) => {
    expect(['promoted', 'rolled-back', 'failed', 'superseded']).toContain(ending(history))
  })

  everywhere('is promoted only when it was released, has passed, and serves everything', (history) => {
    if (ending(history) !== 'promoted') return
    const [released, tested] = ['root/deploy/1', 'root/smoke/1'].map((id) => lastOf(history, id))
    const isOverruled = history.moments.some(
      (moment) => before(moment) === 'frozen' && moment.member === 'root',
    )
    expect(released && after(released)).toBe('promoted')
    if (!isOverruled) expect(tested && after(tested)).toBe('passed')
    expect(pipeline.outcomeOf(history.last)).toEqual(PROMOTED)
    expect(isAll(history.moments.at(-1)?.router.split, 'v2')).toBe(true)
  })

  everywhere('is rolled back only when the router serves everything from stable', (history) => {
    if (ending(history) === 'rolled-back')
      expect(isAll(history.moments.at(-1)?.router.split, 'v1')).toBe(true)
  })

  everywhere('never lets two children change traffic at a time', ({ moments }) => {
    const going = new Set<string>()
    for (const { member, after: is } of moments) {
      if (!/^root\/(?:deploy|rollback)\//.test(member)) continue
      if (is.status === 'active') going.add(member)
      else going.delete(member)
      expect(going.size).toBeLessThanOrEqual(1)
    }
  })

  everywhere('is never promoted once it was aborted or goes back', (history) => {
    const isBack = history.moments.some(
      (moment) => moment.member === 'root' && /^(?:aborting|rolling-back)/.test(after(moment)),
    )
    if (isBack) expect(['rolled-back', 'failed', 'superseded']).toContain(ending(history))
  })

  test('goes all ways that there are', () => {
    expect(
      rarelySeen(setting, ['promoted', 'rolled-back', 'superseded', 'aborting', 'rolling-back.stranded']),
    ).toEqual([])
  })
})
