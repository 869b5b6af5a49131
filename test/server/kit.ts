// A real engine in a simulated world, served over real HTTP on loopback; everything is closed when its test ends.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Subject } from 'rxjs'
import { onTestFinished } from 'vitest'

import { memoryStore } from '../../src/adapters/memory-store/index.ts'
import { Engine, type EngineDeps } from '../../src/engine/engine.ts'
import { toEnvelope } from '../../src/engine/envelopes.ts'
import type { Store } from '../../src/engine/ports.ts'
import type { ReleaseSpec } from '../../src/engine/spec.ts'
import type { EngineView } from '../../src/engine/view.ts'
import type { Envelope } from '../../src/events/envelope.ts'
import type { RolloutEvent } from '../../src/events/rollout-event.ts'
import { serve, type Served, type ServeOptions } from '../../src/server/index.ts'
import { SimulatedWorld } from '../../src/testing/simulated/world.ts'
import { weight } from '../../src/units.ts'

/** An engine with its world and the server in front of it. */
export interface Rig {
  readonly world: SimulatedWorld
  readonly engine: Engine
  readonly url: string
}

export interface RigOptions extends Omit<ServeOptions, 'listen'> {
  readonly listen?: ServeOptions['listen']
  readonly world?: SimulatedWorld
  readonly store?: Store
  readonly watching?: Pick<EngineDeps, 'inspector' | 'log'>
}

export async function rig(options: RigOptions = {}): Promise<Rig> {
  const { world = new SimulatedWorld(), store = world.store, watching = {}, ...serving } = options
  const { adapters, clock } = world
  const engine = await Engine.open({ adapters, clock, store, ...watching })
  onTestFinished(async () => engine.close())
  const server = await serve(engine, { listen: { host: '127.0.0.1', port: 0 }, ...serving })
  engine.attach(server)
  return { world, engine, url: server.url }
}

/** A canary of the service `shop`, with the weights of its steps in percent. */
export function canarySpec(version: string, percents: readonly number[] = [10, 50]): ReleaseSpec {
  return {
    strategy: 'canary',
    service: 'shop',
    version,
    listen: { host: '127.0.0.1', port: 0 },
    run: {
      command: ['serve', version],
      env: { PASSWORD: 'env:SHOP_PASSWORD', PLAIN: 'hunter2-in-env' },
      cwd: '/',
      replicas: 1,
      stopGraceMs: 0,
    },
    health: { probe: { kind: 'tcp', timeoutMs: 100 }, intervalMs: 1_000, threshold: 1 },
    checks: [],
    windowMs: 1_000,
    steps: percents.map((percent) => ({ weight: weight(percent), bakeMs: 2_000 })),
    gates: 'auto',
    keepStable: false,
    reversible: true,
    by: null,
    why: null,
    times: {
      stagingMs: 60_000,
      shiftingMs: 10_000,
      progressMs: 600_000,
      degradedMs: 10_000,
      retireMs: 0,
      drainMs: 1_000,
      rollbackDrainMs: 1_000,
      returnBudgetMs: 10_000,
    },
  }
}

/** Starts a canary, and lets time go by until it stands like this. */
export async function canaryIn(
  { engine, world }: Pick<Rig, 'engine' | 'world'>,
  state: string,
  version = 'v1',
): Promise<string> {
  const id = await engine.start(canarySpec(version))
  await until({ engine, world }, id, state)
  return id
}

export async function until(
  { engine, world }: Pick<Rig, 'engine' | 'world'>,
  id: string,
  state: string,
): Promise<void> {
  for (let s = 0; s < 120; s++) {
    const now = engine.rollout(id).state
    if (now === state || now.startsWith(`${state}.`)) return
    await world.clock.advance(1_000)
  }
  throw new Error(`${id} is ${engine.rollout(id).state}, and never was ${state}`)
}

/** A directory of its own, deleted with the test. */
export async function directory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-server-'))
  onTestFinished(async () => rm(dir, { recursive: true, force: true }))
  return dir
}

/** What is seen of an engine that only tells: a real store, into which the test writes by itself. */
export interface Journal {
  readonly view: EngineView
  readonly store: Store
  /** Appends and tells, as an engine does. */
  readonly say: (event: RolloutEvent, rollout?: string) => Promise<Envelope>
  /** Whether anybody listens. */
  readonly isHeard: () => boolean
}

export function journal(store: Store = memoryStore()): Journal {
  const events$ = new Subject<Envelope>()
  const view: EngineView = {
    events$,
    on: silent,
    async *events({ since = 0, signal = new AbortController().signal } = {}) {
      for await (const stored of store.watch(since, { signal })) yield toEnvelope(stored)
    },
    head: async () => store.head(),
    state$: silent,
    services: () => [],
    rollout: silent,
    send: silent,
    rollback: silent,
  }
  return {
    view,
    store,
    isHeard: () => events$.observed,
    async say(event, rollout = 'shop-1') {
      const expected = (await store.load('shop'))?.version ?? 0
      const entry = { rollout, strategy: 'canary', time: 0, event, state: 'monitoring', commands: [] }
      const envelope = toEnvelope(await store.append('shop', expected, { entry, record: {} }))
      events$.next(envelope)
      return envelope
    },
  }
}

/** Serves what is seen of an engine, and closes that with the test. */
export async function served(
  view: EngineView,
  options: Omit<ServeOptions, 'listen'> = {},
  port = 0,
): Promise<Served> {
  const server = await serve(view, { listen: { host: '127.0.0.1', port }, ...options })
  onTestFinished(async () => server.close())
  return server
}

function silent(): never {
  throw new TypeError('nobody asks for this here')
}
