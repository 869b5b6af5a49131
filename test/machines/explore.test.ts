// Every state that a machine can reach, and every event in it. What is said here is not sampled: it is so.
import { beforeAll, describe, expect, test } from 'vitest'
import type { AnyMachineSnapshot } from 'xstate'

import { shareOf, type Split } from '../../src/events/share.ts'
import { pathOf, type Ready, strategies } from '../../src/machines/index.ts'
import { arrowsOf, arrowsTaken, unborn } from '../../src/testing/arrows.ts'
import { explore, type Exploration, type Place, type Walk, without } from '../../src/testing/explore.ts'
import { isStale } from '../../src/testing/offers.ts'
import { timerOf } from '../../src/testing/scenario-words.ts'
import { cases, pipelines, releases, rollbacks } from './cases.ts'
import { waits } from './waits.ts'

const explorations = new Map<string, Exploration>()

/** Each case is explored once, whoever asks first. */
function explored(name: string): Exploration {
  const known = explorations.get(name)
  if (known !== undefined) return known
  const found = cases.find((candidate) => candidate.name === name)
  if (found === undefined) throw new TypeError(`there is no case '${name}'`)
  const exploration = explore(found.strategy, found)
  explorations.set(name, exploration)
  return exploration
}

const path = ({ snapshot }: Place) => pathOf(snapshot.value)
const isOver = ({ snapshot }: Place) => snapshot.status !== 'active'

/** How to get to where something is wrong: the first few places, as the events that lead there. */
function ways(places: readonly Place[]): readonly string[] {
  return places.slice(0, 3).map((place) => [...place.trail().map(said), `→ ${path(place)}`].join('; '))
}

function steps(walks: readonly Walk[]): readonly string[] {
  return walks.slice(0, 3).map(({ from, event, to }) => `${ways([from])[0]}: ${said(event)} → ${path(to)}`)
}

function said({ type, ...what }: Walk['event']): string {
  return `${type} ${JSON.stringify(what)}`
}

const isReturning = (place: Place) => path(place).startsWith('rolling-back')
const isTooLate = (place: Place) => isReturning(place) || path(place) === 'retiring.stopping'
const suspects = ({ snapshot }: Place) => (snapshot.context as { suspects: readonly string[] }).suspects

/** Whether a version gets everything; null stands for nowhere. */
function isAll(split: Split | null, version: string | null): boolean {
  return split !== null && (version === null ? split.length === 0 : shareOf(split, version) === 10_000)
}

/** All of a step that can be seen. */
function words({ snapshot: { value, context, status }, commands }: Ready<AnyMachineSnapshot>): string {
  return JSON.stringify([value, context, status, commands])
}

const shifts = ({ commands }: Walk) =>
  commands.flatMap(({ type, params }) => (type === 'shiftTraffic' ? [params] : []))

describe.each(cases)('in every state of a $name', ({ name, strategy, input, cast }) => {
  let exploration: Exploration

  beforeAll(() => {
    exploration = explored(name)
  })

  test('there is nothing more to see', () => {
    expect(exploration.isCapped).toBe(false)
  })

  test('an ending can be reached', () => {
    expect(ways(without(exploration, isOver))).toEqual([])
  })

  test('what is asked of the router sums to 100 %, or is nowhere where nothing was before', () => {
    const isFirst =
      ('stable' in input && input.stable === null) || ('target' in input && input.target === null)
    const wrong = exploration.walks.filter((walk) =>
      shifts(walk).some(({ split }) => {
        const sum = split.reduce((total, { weight }) => total + weight, 0)
        return sum !== 10_000 && !(isFirst && split.length === 0)
      }),
    )
    expect(steps(wrong)).toEqual([])
  })

  test('each change of traffic is newer than the one before, unless it repeats it', () => {
    const backwards = exploration.walks.filter((walk) => {
      const before = walk.from.asked
      return shifts(walk).some(
        ({ generation, split }) =>
          before !== null &&
          (generation.n < before.generation.n ||
            (generation.n === before.generation.n && JSON.stringify(split) !== JSON.stringify(before.split))),
      )
    })
    expect(steps(backwards)).toEqual([])
  })

  test('a confirmation or a verdict for another generation changes nothing', () => {
    const listening = exploration.walks.filter(
      ({ from, event, to, commands }) => isStale(event, from, cast) && (from !== to || commands.length > 0),
    )
    expect(steps(listening)).toEqual([])
  })

  test('a stored snapshot goes on as if it had never been stored', () => {
    const changed = exploration.places.flatMap((place) => {
      const stored: unknown = JSON.parse(
        JSON.stringify(strategy.machine.getPersistedSnapshot(place.snapshot)),
      )
      const restored = strategy.restore(stored)
      return place.walks.filter(
        ({ event }) => words(strategy.step(place.snapshot, event)) !== words(strategy.step(restored, event)),
      )
    })
    expect(steps(changed)).toEqual([])
  })

  test('the alarms are set that it waits for', () => {
    const deaf = exploration.places.filter((place) => {
      const wait = waits[strategy.name][path(place)]
      if (isOver(place)) return false
      return (
        wait === undefined ||
        (typeof wait !== 'string' && !wait.every((timer) => place.timers.includes(timer)))
      )
    })
    expect(ways(deaf)).toEqual([])
  })

  test('whichever alarm is set, it is heard when it rings', () => {
    const unheard = exploration.walks.filter(
      ({ from, event, to, commands }) => timerOf(event) !== null && from === to && commands.length === 0,
    )
    expect(steps(unheard)).toEqual([])
  })

  test('a person has a way on where a person is waited for', () => {
    const stuck = exploration.places.filter(
      (place) =>
        waits[strategy.name][path(place)] === 'a person' &&
        !place.walks.some(({ event, to }) => event.type.endsWith('.requested') && path(to) !== path(place)),
    )
    expect(ways(stuck)).toEqual([])
  })

  test('it has an outcome when it is over or stranded, and only then', () => {
    const wrong = exploration.places.filter((place) => {
      const status = strategy.outcomeOf(place.snapshot)?.status ?? null
      const last = path(place).split('.').at(-1)
      return status !== (isOver(place) || last === 'stranded' ? last : null)
    })
    expect(ways(wrong)).toEqual([])
  })

  test('it starts in the state that its first event leads to', () => {
    const born = unborn(strategy, input)
    const [first] = exploration.places
    const { snapshot } = strategy.step(born, { type: 'rollout.requested' })
    expect(first && path(first)).toBe(pathOf(snapshot.value))
  })
})

describe.each(releases)('in every state of a $name', ({ name, strategy, input, cast }) => {
  const { version, stable } = cast
  const isReversible = !('reversible' in input && input.reversible === false)
  const weightOf = (place: Place) => shareOf(place.asked?.split ?? [], version)
  let exploration: Exploration

  beforeAll(() => {
    exploration = explored(name)
  })

  test('promoted was read back with everything on the new version', () => {
    const ended = exploration.places.filter((place) => path(place) === 'promoted')
    expect(ways(ended.filter(({ confirmed }) => !isAll(confirmed, version)))).toEqual([])
    expect(ended).not.toEqual([])
  })

  test('a return that has ended was read back with nothing on the new version', () => {
    const ended = exploration.places.filter((place) => ['rolled-back', 'failed'].includes(path(place)))
    expect(ways(ended.filter(({ confirmed }) => !isAll(confirmed, stable)))).toEqual([])
    expect(ended).not.toEqual([])
  })

  test('nobody drains or stops the old version before everything on the new one was read back', () => {
    const early = exploration.walks.filter(
      ({ commands, to }) =>
        commands.some(
          ({ type, params }) =>
            (type === 'drainVersion' || type === 'stopVersion') && params.version === stable,
        ) && !isAll(to.confirmed, version),
    )
    expect(steps(early)).toEqual([])
  })

  test('nothing raises the weight while harm is suspected, frozen or being taken back', () => {
    const raised = exploration.walks.filter(
      ({ from, event, to }) =>
        weightOf(to) > weightOf(from) &&
        // That it is ready was said by those who asked it just now.
        event.type !== 'version.ready' &&
        (suspects(from).length > 0 ||
          isReturning(from) ||
          ['degraded', 'frozen'].includes(path(from)) ||
          isBadNews(event)),
    )
    expect(steps(raised)).toEqual([])
  })

  test('only a step that was prepared, evidence of a whole bake, or a person raises the weight', () => {
    const raised = exploration.walks.filter(({ from, event, to }) => {
      const isEvidence = event.type === 'analysis.concluded' && event.verdict.kind === 'pass'
      const isReady = event.type === 'version.ready' && path(from) === 'staging'
      const isAsked = /^(?:promote|swap|weight|resume)\.requested$/.test(event.type)
      return weightOf(to) > weightOf(from) && !isEvidence && !isReady && !isAsked
    })
    expect(steps(raised)).toEqual([])
  })

  test('harm takes everything back at once, or freezes what can not be undone', () => {
    const harms = exploration.walks.filter(
      ({ from, event }) => isHarm(event, version) && !isStale(event, from) && !isTooLate(from),
    )
    const missed = harms.filter(({ from, to }) => {
      const expected = isReversible || from.asked === null ? 'rolling-back' : 'frozen'
      return !path(to).startsWith(expected)
    })
    expect(steps(missed)).toEqual([])
    expect(harms).not.toEqual([])
  })

  test('a person who insists can always go back, until it is too late', () => {
    const refused = exploration.walks.filter(
      ({ from, event, to }) =>
        event.type === 'abort.requested' && event.force === true && !isTooLate(from) && !isReturning(to),
    )
    expect(steps(refused)).toEqual([])
  })

  test('a second abort, or more bad news, neither restarts a return nor changes why it was made', () => {
    const restarted = exploration.walks.filter(({ from, event, to, commands }) => {
      const isMore = event.type === 'abort.requested' || isHarm(event, version)
      return isReturning(from) && isMore && (from !== to || commands.length > 0)
    })
    expect(steps(restarted)).toEqual([])
  })

  test('whoever goes back is never promoted', () => {
    const lost = new Set(without(exploration, (place) => path(place) === 'promoted'))
    expect(ways(exploration.places.filter((place) => isReturning(place) && !lost.has(place)))).toEqual([])
  })

  test('the way back is reserved as soon as traffic was asked for, newer than all that was asked', () => {
    const wrong = exploration.places.filter((place) => {
      const { asked, snapshot } = place
      const reserved = strategy.returnOf(snapshot)
      if (isOver(place) || asked === null) return reserved !== null
      return (
        reserved === null ||
        !isAll(reserved.split, stable) ||
        reserved.generation.claim !== asked.generation.claim ||
        reserved.generation.n !== snapshot.context.n + 1
      )
    })
    expect(ways(wrong)).toEqual([])
  })

  test('the weight that is in force is watched', () => {
    const unseen = exploration.places.filter((place) => {
      const watched = strategy.activitiesOf(place.snapshot)
      // Until a split is confirmed nobody knows what would be compared; whether the version is well can be asked.
      const isShifting = ['shifting', 'promoting'].includes(path(place))
      const kinds = isShifting ? ['probe'] : ['probe', 'analysis']
      const isMissing = kinds.some((kind) => !watched.some((one) => one.kind === kind))
      const isInForce = place.confirmed !== null && shareOf(place.confirmed, version) > 0
      return isInForce && !isOver(place) && !isTooLate(place) && isMissing
    })
    expect(ways(unseen)).toEqual([])
  })
})

describe.each(rollbacks)('in every state of a $name', ({ name, input }) => {
  const { target, back } = input as { readonly target: string | null; readonly back: string | null }

  test('rolled-back was read back with everything on the target', () => {
    const ended = explored(name).places.filter((place) => path(place) === 'rolled-back')
    expect(ways(ended.filter(({ confirmed }) => !isAll(confirmed, target)))).toEqual([])
    expect(ended).not.toEqual([])
  })

  test('the target gets no traffic before it is healthy, and what had moved is back before anything is started', () => {
    const early = explored(name).places.filter((place) =>
      ['staging', 'withdrawing', 'failed'].includes(path(place)),
    )
    const isWrong = (place: Place) =>
      !isAll(place.asked?.split ?? null, back) || !isAll(place.confirmed, back)
    expect(ways(early.filter(back === null ? ({ asked }) => asked !== null : isWrong))).toEqual([])
  })
})

describe.each(pipelines)('in every state of a $name', ({ name, input }) => {
  const { hasSmoke } = input as { readonly hasSmoke: boolean }

  test('only a release that was promoted, and passed what tests there are, is promoted', () => {
    const ended = explored(name).places.filter((place) => path(place) === 'promoted')
    const unproved = ended.filter((place) => {
      const children = place
        .trail()
        .flatMap((event) => (event.type === 'child.ended' ? [`${event.slot} ${event.outcome.status}`] : []))
      const isReleased = children.includes('deploy promoted')
      const isTested = !hasSmoke || children.includes('smoke passed')
      return !isReleased || !isTested
    })
    expect(ways(unproved)).toEqual([])
    expect(ended).not.toEqual([])
  })

  test('whoever aborts or goes back is never promoted', () => {
    const exploration = explored(name)
    const lost = new Set(without(exploration, (place) => path(place) === 'promoted'))
    const back = exploration.places.filter((place) => /^(?:aborting|rolling-back)/.test(path(place)))
    expect(ways(back.filter((place) => !lost.has(place)))).toEqual([])
  })
})

describe.each(Object.values(strategies))('the $name machine', (strategy) => {
  test('has no arrow that nothing can ever take', () => {
    const own = cases.filter((candidate) => candidate.strategy === strategy)
    const taken = new Set(
      own.flatMap(({ name, input }) => [
        ...arrowsTaken(strategy, unborn(strategy, input), { type: 'rollout.requested' }),
        ...explored(name).walks.flatMap(({ from, event }) => arrowsTaken(strategy, from.snapshot, event)),
      ]),
    )
    expect(arrowsOf(strategy.machine).filter((arrow) => !taken.has(arrow))).toEqual([])
  })
})

function isHarm(event: Walk['event'], version: string): boolean {
  switch (event.type) {
    case 'analysis.concluded':
      return event.verdict.kind === 'fail'
    case 'probe.concluded':
      return event.version === version && event.health === 'unhealthy'
    case 'version.exited':
      return event.version === version
    default:
      return false
  }
}

/** Anything but a pass and what people ask for: no evidence is never a pass. */
function isBadNews(event: Walk['event']): boolean {
  switch (event.type) {
    case 'analysis.concluded':
      return event.verdict.kind !== 'pass' || event.suspicion === 'raised'
    case 'probe.concluded':
      return event.health !== 'healthy'
    case 'version.exited':
    case 'version.failed':
    case 'traffic.rejected':
    case 'deadline.elapsed':
    case 'progress.elapsed':
      return true
    default:
      return false
  }
}
