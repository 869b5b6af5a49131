// Walks through every state that a machine can reach, by its own `step()`: every event is offered in every state, also
// late, stale and foreign ones. States that differ only in how often traffic was changed are one state.
import type { AnyMachineSnapshot } from 'xstate'

import type { Generation } from '../events/generation.ts'
import type { RolloutEvent, TimerName } from '../events/rollout-event.ts'
import type { Split } from '../events/share.ts'
import type { Command, Ready, Strategy } from '../machines/index.ts'
import { type Cast, offersAt } from './offers.ts'
import { timerOf } from './scenario-words.ts'

/** What is known from outside about a rollout that is somewhere. */
export interface Standing {
  readonly snapshot: AnyMachineSnapshot
  /** The alarms that are set. */
  readonly timers: readonly TimerName[]
  /** The change of traffic that was asked for last. */
  readonly asked: { readonly split: Split; readonly generation: Generation } | null
  /** What the router was read back with since. */
  readonly confirmed: Split | null
  /** The newest run of each child that was started, by slot. */
  readonly children: Readonly<Record<string, number>>
  /** The newest attempt of each test that was asked for. */
  readonly attempts: Readonly<Record<string, number>>
}

/** One event in one state, and what came of it. */
export interface Walk {
  readonly from: Place
  readonly event: RolloutEvent
  readonly to: Place
  readonly commands: readonly Command[]
}

/** A state that can be reached. */
export interface Place extends Standing {
  readonly key: string
  /** Everything that can happen here; empty where the rollout is over. */
  readonly walks: readonly Walk[]
  /** The events that lead here from the start, on a shortest way. */
  trail(): readonly RolloutEvent[]
}

export interface Exploration {
  readonly places: readonly Place[]
  readonly walks: readonly Walk[]
  /** Whether there was more to see than `most` allowed. */
  readonly isCapped: boolean
}

export interface ExploreOptions {
  readonly input: object
  readonly cast: Cast
  /** How many states to look at. @defaultValue 50,000 */
  readonly most?: number
}

/** Explores a strategy from one input. */
export function explore(strategy: Strategy, options: ExploreOptions): Exploration {
  const { input, cast, most = 50_000 } = options
  const known = new Map<string, Found>()
  const places: Found[] = []
  const find = (standing: Standing, way: Way | null): Found => {
    const key = keyOf(standing, options)
    const before = known.get(key)
    if (before !== undefined) return before
    const place = new Found(key, standing, way)
    known.set(key, place)
    places.push(place)
    return place
  }
  find(stand(strategy.start(input), NOWHERE), null)
  // The list grows while it is walked.
  for (const place of places) {
    if (places.length > most) break
    if (place.snapshot.status !== 'active') continue
    for (const event of offersAt(place, cast)) {
      const ready = strategy.step(place.snapshot, event)
      const to = find(stand(ready, heard(place, event)), { from: place, event })
      place.walks.push({ from: place, event, to, commands: ready.commands })
    }
  }
  return { places, walks: places.flatMap(({ walks }) => walks), isCapped: places.length > most }
}

/** The places from which none of `goals` can be reached, whatever happens. */
export function without(exploration: Exploration, isGoal: (place: Place) => boolean): readonly Place[] {
  const into = new Map(exploration.places.map((place) => [place, new Set<Place>()]))
  for (const { from, to } of exploration.walks) into.get(to)?.add(from)
  const reaching = new Set(exploration.places.filter((place) => isGoal(place)))
  for (const place of reaching) for (const from of into.get(place) ?? []) reaching.add(from)
  return exploration.places.filter((place) => !reaching.has(place))
}

interface Way {
  readonly from: Found
  readonly event: RolloutEvent
}

class Found implements Place {
  readonly key: string
  readonly snapshot: AnyMachineSnapshot
  readonly timers: readonly TimerName[]
  readonly asked: Standing['asked']
  readonly confirmed: Split | null
  readonly children: Standing['children']
  readonly attempts: Standing['attempts']
  readonly walks: Walk[] = []
  readonly #way: Way | null

  constructor(key: string, standing: Standing, way: Way | null) {
    this.key = key
    this.snapshot = standing.snapshot
    this.timers = standing.timers
    this.asked = standing.asked
    this.confirmed = standing.confirmed
    this.children = standing.children
    this.attempts = standing.attempts
    this.#way = way
  }

  trail(): readonly RolloutEvent[] {
    return this.#way === null ? [] : [...this.#way.from.trail(), this.#way.event]
  }
}

type Around = Omit<Standing, 'snapshot'>

const NOWHERE: Around = { timers: [], asked: null, confirmed: null, children: {}, attempts: {} }

/** What is known once an event was told: its alarm is over, and what it confirms is in force. */
function heard(place: Standing, event: RolloutEvent): Around {
  const rung = timerOf(event)
  const timers = rung === null ? place.timers : place.timers.filter((timer) => timer !== rung)
  const confirmed = confirms(event, place.asked) ? event.split : place.confirmed
  return { ...place, timers, confirmed }
}

function confirms(
  event: RolloutEvent,
  asked: Standing['asked'],
): event is Extract<RolloutEvent, { type: 'traffic.shifted' }> {
  if (event.type !== 'traffic.shifted' || asked === null) return false
  const { claim, n } = asked.generation
  return event.generation.claim === claim && event.generation.n === n
}

/** What is known once the commands of a step are under way. */
function stand({ snapshot, commands }: Ready<AnyMachineSnapshot>, around: Around): Standing {
  let { timers, asked, confirmed, children, attempts } = around
  for (const { type, params } of commands) {
    if (type === 'startTimer') timers = [...timers.filter((timer) => timer !== params.timer), params.timer]
    if (type === 'cancelTimer') timers = timers.filter((timer) => timer !== params.timer)
    if (type === 'shiftTraffic') {
      asked = params
      confirmed = null
    }
    if (type === 'startChild') children = { ...children, [params.slot]: params.run }
    if (type === 'runTest') attempts = { ...attempts, [params.test]: params.attempt }
  }
  return { snapshot, timers: timers.toSorted(), asked, confirmed, children, attempts }
}

/** What makes no difference to what can happen: counters that only grow, and words. */
const COUNTERS = new Set(['n', 'returns', 'rollbacks', 'tries', 'cause', 'reason'])

/**
 * Generations are relative: which one is the newest matters, not how many there were. A bake that is complete can't be
 * more so, and where a rollout is over, only what the router does makes a difference.
 */
function keyOf(
  { snapshot, timers, asked, confirmed, children }: Standing,
  { input, cast }: ExploreOptions,
): string {
  const { value, status, context } = snapshot
  if (status !== 'active') return JSON.stringify([value, confirmed])
  const start: Readonly<Record<string, unknown>> = { ...input }
  const own = Object.entries(context as Record<string, unknown>)
    .filter(([name, now]) => now !== input && now !== start[name] && !COUNTERS.has(name))
    .map(([name, now]) => [name, name === 'observedMs' ? Math.min(Number(now), 2 * cast.windowMs) : now])
  return JSON.stringify([value, own, timers, asked?.split, confirmed, Object.keys(children)])
}
