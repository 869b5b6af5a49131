import { describe, expect, test } from 'vitest'

import { errorRate } from '../../src/analysis/checks.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { RolloutSpec } from '../../src/engine/spec.ts'
import { never } from '../../src/testing/simulated/fault.ts'
import { type Controller, SimulatedWorld } from '../../src/testing/simulated/world.ts'
import {
  blueGreenSpec,
  canarySpec,
  type Changed,
  controllerOf,
  ended,
  pipelineSpec,
  reaches,
  rollbackSpec,
  SECOND,
  stable,
  until,
} from './kit.ts'

const BAKE_MS = 3 * SECOND
const SHORT: Changed = {
  bakeMs: BAKE_MS,
  times: { retireMs: SECOND, drainMs: SECOND, rollbackDrainMs: SECOND },
}

interface Story {
  readonly spec: RolloutSpec
  /** What the world is like from the rollout's start on. */
  readonly world?: (world: SimulatedWorld) => void
  /** What has to be there before. */
  readonly before?: readonly RolloutSpec[]
}

/** Where a controller dies: around the `nth` commit of the rollout. */
interface Crash {
  readonly nth: number
  /** `unwritten`: the line never reaches the journal. `unheard`: it does, and the controller never learns it. */
  readonly point: 'unwritten' | 'unheard'
  /** How long nobody is there, in milliseconds. */
  readonly awayMs: number
}

interface Ending {
  readonly outcome: string | undefined
  readonly stable: string | undefined
  readonly live: string | null
  readonly running: readonly string[]
  /** What the router was made to do, without repeats. */
  readonly splits: readonly string[]
  readonly started: readonly string[]
  readonly steps: number
}

interface Run {
  readonly ending: Ending
  readonly commits: number
  readonly tests: number
  /** For how long the new version was watched by somebody at each of its weights, in milliseconds. */
  readonly watched: ReadonlyMap<number, number>
}

const stories: Readonly<Record<string, Story>> = {
  'a canary that is promoted': { spec: canarySpec('v2', SHORT) },
  'a canary that is rolled back': {
    spec: canarySpec('v2', SHORT),
    world: (world) => world.version('v2', { errorRate: 0.5 }),
  },
  'a blue-green release': { spec: blueGreenSpec('v2', SHORT) },
  'a first release': { spec: canarySpec('v1', SHORT), before: [] },
  'a rollback to a version that has to be restored': {
    spec: rollbackSpec('shop', {}, { verifyMs: SECOND, drainMs: SECOND }),
    before: [canarySpec('v1', SHORT), canarySpec('v2', SHORT)],
  },
  'a pipeline whose tests pass': { spec: pipelineSpec('v2', { release: blueGreenSpec('v2', SHORT) }) },
  'a pipeline whose tests fail': {
    spec: pipelineSpec('v2', { release: blueGreenSpec('v2', SHORT) }),
    world: (world) => {
      world.tests.resultOf = () => 'failed'
    },
  },
}

/** Plays a story; the controller that dies is followed by another. */
async function play(story: Story, crash: Crash | null): Promise<Run> {
  const world = new SimulatedWorld()
  const first = await controllerOf(world)
  for (const spec of story.before ?? [canarySpec('v1', SHORT)]) {
    if (spec.strategy === 'canary') await stable(world, first.engine, spec)
  }
  const since = world.platform.started.length
  story.world?.(world)
  const death = dying(world, first, crash)
  const starting = first.engine.start(story.spec)
  await world.clock.advance(0)
  const id = death.at() === null ? await starting : null
  const engine = crash === null ? first.engine : await successor(world, death, crash.awayMs)
  // When nobody ever heard of it, the caller asks again, and is told which it is.
  const name =
    id ?? engine.services().flatMap(({ active }) => active ?? [])[0] ?? (await engine.start(story.spec))
  await ended(world, engine, name)
  const died = death.at() ?? Number.POSITIVE_INFINITY
  return {
    commits: death.commits(),
    tests: world.tests.ran.length,
    watched: watchedFor(world, story.spec, [died, died + (crash?.awayMs ?? 0)]),
    ending: { ...endingOf(engine, name), ...effectsOf(world), started: world.platform.started.slice(since) },
  }
}

function endingOf(engine: Engine, name: string): Pick<Ending, 'outcome' | 'stable' | 'live' | 'steps'> {
  const { outcome, steps } = engine.rollout(name)
  const { stable: known, live } = engine.service('shop')
  return { outcome: outcome?.status, stable: known?.version, live, steps: steps.length }
}

function effectsOf(world: SimulatedWorld): Pick<Ending, 'running' | 'splits'> {
  return { running: world.platform.running('shop'), splits: splitsOf(world) }
}

/** Lets a controller die where a story wants it; counts the commits until then. */
function dying(world: SimulatedWorld, controller: Controller, crash: Crash | null) {
  let commits = 0
  let at: number | null = null
  world.store.before = async () => {
    commits++
    if (commits !== crash?.nth) return
    controller.crash()
    at = world.clock.now()
    if (crash.point === 'unwritten') await never()
  }
  return { commits: () => commits, at: (): number | null => at }
}

async function successor(
  world: SimulatedWorld,
  death: ReturnType<typeof dying>,
  awayMs: number,
): Promise<Engine> {
  await until(world, () => death.at() !== null)
  await world.clock.advance(awayMs)
  return (await controllerOf(world)).engine
}

/** What the router was made to do; the same once more, with instances that moved or went, is nothing new. */
function splitsOf({ router }: SimulatedWorld): readonly string[] {
  const all = router.changes.map(({ route: { generation, backends } }) =>
    JSON.stringify([generation, backends.map(({ version, weight }) => [version, weight])]),
  )
  return all.filter((split, i) => split !== all[i - 1])
}

/** How long each weight of the new version was in force while a controller was there. */
function watchedFor(
  { router, clock }: SimulatedWorld,
  spec: RolloutSpec,
  [from, to]: readonly [number, number],
): ReadonlyMap<number, number> {
  const version = 'version' in spec ? spec.version : ''
  const watched = new Map<number, number>()
  for (const [i, { at, route }] of router.changes.entries()) {
    const weight = route.backends.find((backend) => backend.version === version)?.weight ?? 0
    const end = router.changes[i + 1]?.at ?? clock.now()
    const away = Math.max(0, Math.min(end, to) - Math.max(at, from))
    watched.set(weight, (watched.get(weight) ?? 0) + end - at - away)
  }
  return watched
}

/** The shortest time for which any traffic of the new version was watched. */
function shortestBake({ watched }: Run): number {
  return Math.min(...[...watched].filter(([weight]) => weight > 0).map(([, ms]) => ms))
}

describe.each(Object.entries(stories))('%s', (_, story) => {
  test('ends the same, wherever its controller dies', async () => {
    const calm = await play(story, null)
    const leastMs = calm.ending.outcome === 'promoted' ? BAKE_MS : 0
    for (let nth = 1; nth <= calm.commits; nth++) {
      for (const point of ['unwritten', 'unheard'] as const) {
        const run = await play(story, { nth, point, awayMs: 40 * SECOND })
        const where = `${point}, commit ${nth} of ${calm.commits}`
        expect(run.ending, where).toEqual(calm.ending)
        expect(run.tests - calm.tests, where).toBeLessThanOrEqual(1)
        expect(shortestBake(run), where).toBeGreaterThanOrEqual(leastMs)
      }
    }
  }, 120_000)
})

test('what was suspected before a restart is not suspected for the first time after it', async () => {
  const world = new SimulatedWorld()
  const first = await controllerOf(world)
  await stable(world, first.engine, canarySpec('v1'))
  const checks = [errorRate({ max: 0.05, minSamples: 1, failureLimit: 1 })]
  const id = await first.engine.start(canarySpec('v2', { steps: [50], bakeMs: 60 * SECOND, checks }))
  await reaches(world, first.engine, { id, state: 'monitoring' })
  await world.clock.advance(3 * SECOND)
  world.version('v2', { errorRate: 0.5 })
  await reaches(world, first.engine, { id, state: 'degraded' })
  first.crash()
  const { engine } = await controllerOf(world)
  const verdicts: string[] = []
  engine.on('analysis.concluded', ({ event }) => void verdicts.push(event.verdict.kind))
  await ended(world, engine, id)
  expect(verdicts[0]).toBe('fail')
})
