// The composition root: the one place, beside the command, that names adapters. Each is loaded when it is needed.
import { join, resolve } from 'node:path'

import { type Attached, Engine, type EngineDeps } from './engine/engine.ts'
import type { RolloutInspector } from './engine/inspector.ts'
import { createLogger, type Logger, redacting } from './engine/log.ts'
import type { Adapters, Clock, Store } from './engine/ports.ts'
import { UsageError } from './errors.ts'
import type { TestFunction } from './options.ts'
import type { StatelyInspector } from './server/inspector.ts'
import { type Address, address } from './units.ts'

export interface EngineOptions {
  /** Where memory, proxy and logs are kept; made when it isn't there. @defaultValue '.sluice' */
  readonly stateDir?: string
  /** @defaultValue SQLite, in the state directory */
  readonly store?: Store
  /** Adapters of your own in place of the embedded proxy and local processes. */
  readonly adapters?: Partial<Adapters>
  /** @defaultValue the machine's clock */
  readonly clock?: Clock
  /** A pino logger, or anything like one; fields that are not known to be harmless never reach it. @defaultValue warnings, to standard error */
  readonly logger?: Logger
  /** Serves events and commands over HTTP there: a port of 127.0.0.1, or 'host:port'. @defaultValue not at all */
  readonly listen?: number | string
  /** What callers have to show as a bearer token; necessary beyond loopback. */
  readonly token?: string
  /** Lets rollouts be looked at in the Stately inspector, at `/inspect` of the served address. @defaultValue false */
  readonly inspect?: boolean | RolloutInspector
}

/** An engine for as long as someone uses it. */
export interface Lease {
  readonly engine: Engine
  /** Makes a test function known by its name, so that it is found again after a restart. */
  bind(test: { readonly service: string; readonly name: string; readonly run: TestFunction }): void
  release(): Promise<void>
}

/** What a part says about the engine it wants. */
export interface EngineChoice {
  readonly engine?: Engine
  readonly stateDir?: string
  readonly adapters?: Partial<Adapters>
}

const STATE_DIR = '.sluice'

type Bind = Lease['bind']

/** How functions are bound in each engine that was made here. */
const binders = new WeakMap<Engine, Bind>()

/** Engines that parts share, by state directory, with how many use them. */
const shared = new Map<
  string,
  { readonly opening: Promise<Engine>; readonly adapters: unknown; users: number }
>()

/**
 * Makes an engine: whatever was going on in its store goes on.
 * @throws UsageError `ARGUMENT_INVALID`, naming the option; `ROLLOUT_IN_PROGRESS` when another engine works in the state
 *   directory; `RUNTIME_UNSUPPORTED` where Node's SQLite is too old
 * @throws AdapterError `STORE_CORRUPT` or `STORE_UNAVAILABLE` when the store can't be opened
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  const { listen, logger, token } = options
  const at = listen === undefined ? undefined : address(listen, 'listen')
  const log = logger === undefined ? await createLogger({ level: 'warn' }) : redacting(logger)
  const watching = await inspectorOf(options)
  const engine = await openEngine(options, { log, ...(watching && { inspector: watching.inspector }) })
  if (at === undefined) return engine
  try {
    engine.attach(await serveOn(engine, { at, token, relay: watching?.relay }))
    return engine
  } catch (error) {
    await engine.close()
    throw error
  }
}

/** An engine in its world; when it can't be opened, nothing is left held. */
async function openEngine(
  options: EngineOptions,
  heard: Pick<EngineDeps, 'log' | 'inspector'>,
): Promise<Engine> {
  const stateDir = resolve(options.stateDir ?? STATE_DIR)
  const held: { release(): void | Promise<void> }[] = []
  const release = async (): Promise<void> => {
    for (const each of held.splice(0).toReversed()) await each.release()
  }
  try {
    if (usesDirectory(options)) held.push(await hold(stateDir))
    const world = await worldIn(stateDir, options.adapters ?? {})
    held.push(world)
    const store = options.store ?? (await sqliteIn(stateDir))
    const clock = options.clock ?? (await import('./adapters/clock/index.ts')).systemClock()
    const engine = await Engine.open({ ...heard, store, clock, adapters: world.adapters, release })
    binders.set(engine, world.bind)
    return engine
  } catch (error) {
    await release()
    throw error
  }
}

async function serveOn(
  engine: Engine,
  {
    at,
    token,
    relay,
  }: {
    readonly at: Address
    readonly token: string | undefined
    readonly relay: StatelyInspector | undefined
  },
): Promise<Attached> {
  const { serve } = await import('./server/index.ts')
  return serve(engine, {
    listen: at,
    ...(token === undefined ? {} : { token }),
    ...(relay === undefined ? {} : { inspector: relay }),
  })
}

/** The engine that a part was given, or the one that all parts with the same state directory share. */
export async function engineOf({ engine, stateDir, adapters }: EngineChoice): Promise<Lease> {
  if (engine !== undefined) return { engine, bind: bindIn(engine), release: async () => {} }
  const key = resolve(stateDir ?? STATE_DIR)
  const known = shared.get(key)
  if (known !== undefined && known.adapters !== adapters) {
    throw new UsageError('ARGUMENT_INVALID', `stateDir: ${key} is used with other adapters already`, {
      hint: 'Make one engine with createEngine() and give it to all parts',
    })
  }
  const found = known ?? { opening: createEngine({ stateDir: key, ...given(adapters) }), adapters, users: 0 }
  shared.set(key, found)
  found.users++
  const leave = async (): Promise<void> => {
    found.users--
    if (found.users > 0) return
    if (shared.get(key) === found) shared.delete(key)
    await (await found.opening).close()
  }
  try {
    const opened = await found.opening
    return { engine: opened, bind: bindIn(opened), release: once(leave) }
  } catch (error) {
    if (shared.get(key) === found) shared.delete(key)
    throw error
  }
}

function given(adapters: Partial<Adapters> | undefined) {
  return adapters === undefined ? {} : { adapters }
}

function bindIn(engine: Engine): Bind {
  return (
    binders.get(engine) ??
    (({ name }) => {
      throw new UsageError('UNBOUND_NAME', `${name}: this engine's adapters run no functions`, {
        hint: 'Make the engine with createEngine()',
      })
    })
  )
}

function once(fn: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return async () => (done ??= fn())
}

interface World {
  readonly adapters: Adapters
  readonly bind: Bind
  /** Lets go of proxy and processes: both go on by themselves. */
  release(): Promise<void>
}

/** What is not given is the embedded proxy, local processes and the rest of the default world. */
async function worldIn(stateDir: string, own: Partial<Adapters>): Promise<World> {
  if ((own.router === undefined) !== (own.metrics === undefined)) {
    throw new UsageError('ARGUMENT_INVALID', 'adapters: router and metrics belong together', {
      hint: 'Give both: only a router knows what became of its requests',
    })
  }
  const { router, metrics, platform, probe, tests } = own
  const proxy = router && metrics ? { router, metrics, close() {} } : await proxyIn(stateDir)
  const processes = platform ? { platform, close: async () => {} } : await processesIn(stateDir)
  const runner = tests ? { tests, bind: refuseToBind } : await testRunner()
  return {
    adapters: {
      router: proxy.router,
      metrics: proxy.metrics,
      platform: processes.platform,
      probe: probe ?? (await import('./adapters/probes/index.ts')).probes(),
      tests: runner.tests,
    },
    bind: runner.bind,
    release: async () => {
      proxy.close()
      await processes.close()
    },
  }
}

async function proxyIn(stateDir: string) {
  return (await import('./adapters/embedded-proxy/index.ts')).embeddedProxy({ stateDir })
}

async function processesIn(stateDir: string) {
  const platform = (await import('./adapters/local-processes/index.ts')).localProcesses({ stateDir })
  return { platform, close: async () => platform.close() }
}

async function testRunner() {
  const tests = (await import('./adapters/smoke-tests/index.ts')).smokeTests()
  const bind: Bind = ({ service, name, run }) => void tests.bind(service, name, run)
  return { tests, bind }
}

const refuseToBind: Bind = ({ name }) => {
  throw new UsageError('UNBOUND_NAME', `${name}: the adapters of this engine run no functions`, {
    hint: 'Leave out adapters.tests, or test with requests',
  })
}

function usesDirectory({ store, adapters = {} }: EngineOptions): boolean {
  return store === undefined || adapters.router === undefined || adapters.platform === undefined
}

/** Holds a state directory: one engine at a time works in it, for two would double each other's effects. */
async function hold(stateDir: string): Promise<{ release(): void }> {
  const { holdFile } = await import('./adapters/sqlite-store/index.ts')
  const lock = holdFile(join(stateDir, 'engine.lock'))
  if (lock !== null) return lock
  throw new UsageError('ROLLOUT_IN_PROGRESS', `another engine is at work in ${stateDir}`, {
    hint: 'Ask that one (`sluice status`), end it, or use another state directory',
  })
}

async function sqliteIn(stateDir: string): Promise<Store> {
  const { sqliteStore } = await import('./adapters/sqlite-store/index.ts')
  return sqliteStore({ path: join(stateDir, 'store.db') })
}

/** What watches machines; the one that serves the Stately inspector is loaded only when asked for. */
async function inspectorOf({ inspect = false, listen }: EngineOptions) {
  if (typeof inspect === 'object') return { inspector: inspect, relay: undefined }
  if (!inspect) return undefined
  if (listen === undefined) {
    throw new UsageError('ARGUMENT_INVALID', 'inspect: there is no address to look at it', {
      hint: 'Say listen, too, for example { listen: 7070, inspect: true }',
    })
  }
  const { statelyInspector } = await import('./server/inspector.ts')
  const relay = await statelyInspector()
  return { inspector: relay, relay }
}
