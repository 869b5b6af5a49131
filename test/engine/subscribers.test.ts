import { map, mergeMap, share, tap } from 'rxjs'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import type { Engine } from '../../src/engine/engine.ts'
import type { RolloutInspector } from '../../src/engine/inspector.ts'
import { type LogFields, type Logger, silentLogger } from '../../src/engine/log.ts'
import type { Lagged, RolloutView } from '../../src/engine/view.ts'
import type { Envelope } from '../../src/events/envelope.ts'
import { never } from '../../src/testing/simulated/fault.ts'
import { SimulatedWorld } from '../../src/testing/simulated/world.ts'
import { canarySpec, controllerOf, ended, reaches, releasing, SECOND, worldAndEngine } from './kit.ts'

const rejections: unknown[] = []

beforeEach(() => {
  rejections.length = 0
  const note = (reason: unknown) => void rejections.push(reason)
  process.on('unhandledRejection', note)
  process.on('uncaughtException', note)
  onTestFinished(() => {
    process.off('unhandledRejection', note)
    process.off('uncaughtException', note)
  })
})

function boom(): never {
  throw new Error('a subscriber threw')
}

// What TypeScript would not let pass, and JavaScript does: callbacks that give back a promise.
const rejecting = (() => Promise.reject(new Error('later'))) as unknown as () => void
const hanging = (() => never()) as unknown as () => void

/** Everything that can be thrown at an engine by those who watch it. */
const troublemakers: Readonly<Record<string, (engine: Engine, id: string) => void>> = {
  'a subscriber of events$ that throws': ({ events$ }) => void events$.subscribe(boom),
  'a subscriber of events$ that rejects': ({ events$ }) => void events$.subscribe(rejecting),
  'a subscriber of events$ that hangs': ({ events$ }) => void events$.subscribe(hanging),
  'a subscriber that throws when it is told of an error': ({ events$ }) =>
    void events$.pipe(map(boom)).subscribe({ error: boom }),
  'an operator that throws': ({ events$ }) => void events$.pipe(map(boom)).subscribe(),
  'a tap that throws, with more operators behind it': ({ events$ }) =>
    void events$.pipe(tap(boom), map(String), tap(boom)).subscribe(boom),
  'a project that rejects': ({ events$ }) =>
    void events$.pipe(mergeMap(async () => Promise.reject(new Error('no')))).subscribe(),
  'a shared subscription that throws for some': ({ events$ }) => {
    const shared = events$.pipe(share())
    shared.subscribe(boom)
    shared.subscribe(() => {})
  },
  'a listener that throws': (engine) => void engine.on('traffic.shifted', boom),
  'a listener that rejects': (engine) => void engine.on('traffic.shifted', rejecting),
  'a subscriber of state$ that throws': (engine, id) => void engine.state$(id).subscribe(boom),
  'a subscriber of state$ that throws at its end': (engine, id) =>
    void engine.state$(id).subscribe({ complete: boom }),
  'an operator behind state$ that throws': (engine, id) => void engine.state$(id).pipe(map(boom)).subscribe(),
  'a subscriber that sends events from within': (engine, id) => {
    engine.on('version.ready', () => void engine.send(id, { type: 'resume.requested' }).catch(() => {}))
  },
  'a stream that nobody reads on': (engine) => {
    const reader = engine.events()[Symbol.asyncIterator]()
    void reader.next()
  },
}

describe('whoever watches can not do harm', () => {
  test.each(Object.entries(troublemakers))('%s', async (_, trouble) => {
    const { world, engine, id } = await releasing()
    const heard: string[] = []
    trouble(engine, id)
    // Those who come later hear everything all the same.
    engine.events$.subscribe(({ event }) => heard.push(event.type))
    engine.on('traffic.shifted', () => heard.push('(a listener)'))
    const view = await ended(world, engine, id)
    expect(view.outcome?.status).toBe('promoted')
    expect(heard.filter((type) => type === 'traffic.shifted').length).toBeGreaterThan(2)
    expect(heard.filter((type) => type === '(a listener)').length).toBeGreaterThan(2)
    expect(rejections).toEqual([])
  })

  test('an inspector that throws', async () => {
    const world = new SimulatedWorld()
    const inspector: RolloutInspector = { started: boom, stepped: boom, ended: boom }
    const { engine } = await controllerOf(world, { inspector })
    const view = await ended(world, engine, await engine.start(canarySpec('v1')))
    expect(view.outcome?.status).toBe('promoted')
    expect(engine.subscriberErrors).toBeGreaterThan(3)
  })

  test('what is thrown is counted and logged', async () => {
    const lines: string[] = []
    const log: Logger = { ...silentLogger, warn: (_: LogFields, message) => void lines.push(message) }
    const world = new SimulatedWorld()
    const { engine } = await controllerOf(world, { log })
    engine.on('rollout.requested', boom)
    await engine.start(canarySpec('v1'))
    expect(engine.subscriberErrors).toBe(1)
    expect(lines).toContain('a subscriber threw')
  })
})

describe('whoever watches', () => {
  test('gets the newest state first, then each that follows, and the end', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    const states: string[] = []
    let isComplete = false
    engine
      .state$(id)
      .subscribe({ next: ({ state }) => states.push(state), complete: () => (isComplete = true) })
    expect(states).toEqual(['monitoring'])
    await ended(world, engine, id)
    expect(states.at(-1)).toBe('promoted')
    expect(isComplete).toBe(true)
  })

  test('of a rollout that has ended gets its last state and the end', async () => {
    const { world, engine, id } = await releasing()
    await ended(world, engine, id)
    const views: RolloutView[] = []
    engine.state$(id).subscribe((view) => views.push(view))
    expect(views.map(({ state }) => state)).toEqual(['promoted'])
  })

  test('of a rollout that nobody knows gets an error', async () => {
    const { engine } = await worldAndEngine()
    const errors: unknown[] = []
    engine.state$('nobody').subscribe({ error: (error: unknown) => void errors.push(error) })
    expect(errors).toMatchObject([{ code: 'ROLLOUT_UNKNOWN' }])
  })

  test('too slowly is told how many events are missing, and then goes on', async () => {
    const { world, engine, id } = await releasing(canarySpec('v2', { bakeMs: 600 * SECOND }))
    const stop = new AbortController()
    const reader = engine.events({ signal: stop.signal })[Symbol.asyncIterator]()
    const first = reader.next()
    await world.clock.advance(1_100 * SECOND)
    await first
    const seen: (Envelope | Lagged)[] = []
    for (let i = 0; i < 1_000; i++) seen.push((await reader.next()).value)
    const lagged: Lagged = (await reader.next()).value
    expect(seen.every((said) => 'event' in said)).toBe(true)
    expect(lagged).toMatchObject({ type: 'lagged' })
    expect(lagged.dropped).toBeGreaterThan(50)
    const next = reader.next()
    await engine.send(id, { type: 'abort.requested' })
    expect((await next).value).toMatchObject({ event: {} })
    stop.abort()
  })

  test('from a cursor on gets everything since, without a gap, also over a restart', async () => {
    const { world, engine, id, controller } = await releasing()
    const head = await engine.head()
    await reaches(world, engine, { id, state: 'monitoring' })
    controller.crash()
    const next = (await controllerOf(world)).engine
    await ended(world, next, id)
    const stop = new AbortController()
    const cursors: number[] = []
    for await (const said of next.events({ since: head, signal: stop.signal })) {
      if (!('cursor' in said)) continue
      cursors.push(said.cursor)
      if (said.state === 'promoted') break
    }
    stop.abort()
    expect(cursors).toEqual(cursors.map((_, i) => head + 1 + i))
  })

  test('in the inspector sees what goes on, after a restart too', async () => {
    const { world, engine, id, controller } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    controller.crash()
    const seen: string[] = []
    const inspector: RolloutInspector = {
      started: (rollout) => void seen.push(`started ${rollout.id} ${String(rollout.snapshot.value)}`),
      stepped: (step) => void seen.push(`stepped ${step.id} ${step.event.type}`),
      ended: (ending) => void seen.push(`ended ${ending}`),
    }
    const next = (await controllerOf(world, { inspector })).engine
    await ended(world, next, id)
    expect(seen[0]).toBe(`started ${id} monitoring`)
    expect(seen).toContain(`stepped ${id} traffic.shifted`)
    expect(seen.at(-1)).toBe(`ended ${id}`)
  })
})

describe('a wait', () => {
  test('ends with its signal, and leaves the rollout alone', async () => {
    const { world, engine, id } = await releasing()
    const abort = new AbortController()
    const waiting = expect(engine.ended(id, abort.signal)).rejects.toThrow('enough')
    abort.abort(new Error('enough'))
    await waiting
    expect((await ended(world, engine, id)).outcome?.status).toBe('promoted')
  })

  test('for the end of a stranded rollout is over when it is stranded', async () => {
    const { world, engine, id } = await releasing()
    await reaches(world, engine, { id, state: 'monitoring' })
    world.router.fault = 'refuse'
    await engine.send(id, { type: 'abort.requested' })
    const waiting = engine.ended(id)
    await world.clock.advance(120 * SECOND)
    expect((await waiting).outcome?.status).toBe('stranded')
    world.router.fault = 'none'
    expect((await ended(world, engine, id)).outcome?.status).toBe('rolled-back')
  })

  test('for a state that can no longer come is refused', async () => {
    const { world, engine, id } = await releasing()
    const waiting = expect(engine.when(id, ({ state }) => state === 'nowhere')).rejects.toMatchObject({
      code: 'EVENT_REFUSED',
    })
    await ended(world, engine, id)
    await waiting
  })
})
