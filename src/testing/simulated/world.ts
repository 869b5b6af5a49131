import { memoryStore } from '../../adapters/memory-store/index.ts'
import { Engine, type EngineDeps } from '../../engine/engine.ts'
import type { Adapters, ProbeAnswer } from '../../engine/ports.ts'
import { type VirtualClock, virtualClock } from '../virtual-clock.ts'
import { Line } from './line.ts'
import { SimulatedPlatform } from './platform.ts'
import { SimulatedRouter } from './router.ts'
import { FaultyStore } from './store.ts'
import { type Behaviour, Traffic } from './traffic.ts'
import { SimulatedMetrics, SimulatedProbe, SimulatedTests } from './watching.ts'

/** What a version is like. */
export interface VersionBehaviour extends Behaviour {
  readonly health: ProbeAnswer['health']
}

const GOOD: VersionBehaviour = { errorRate: 0, latencyMs: 20, health: 'healthy' }

export interface WorldOptions {
  /** The time it begins at, in milliseconds since the epoch. @defaultValue 2026-01-01 */
  readonly now?: number
  /** Whether the router refuses older generations by itself. @defaultValue true */
  readonly fences?: boolean
}

/** A controller at work in a {@link SimulatedWorld}. */
export interface Controller {
  readonly engine: Engine
  /** Ends it as the death of its process would: at once, in the middle of everything. */
  crash(): void
}

/**
 * Everything an engine needs of the world, in memory and in virtual time: for tests of the engine, and of what is built on
 * it. Each part fails when it is told to, and the whole outlives any number of controllers.
 */
export class SimulatedWorld {
  readonly clock: VirtualClock
  readonly traffic: Traffic
  readonly router: SimulatedRouter
  readonly platform: SimulatedPlatform
  readonly metrics: SimulatedMetrics
  readonly probe: SimulatedProbe
  readonly tests: SimulatedTests
  readonly store: FaultyStore
  readonly #versions = new Map<string, VersionBehaviour>()

  constructor({ now = 1_767_225_600_000, fences = true }: WorldOptions = {}) {
    const clock = virtualClock({ now })
    this.clock = clock
    this.traffic = new Traffic(clock, (version) => this.#behaviourOf(version))
    this.router = new SimulatedRouter(clock, this.traffic, { fences })
    this.platform = new SimulatedPlatform(clock)
    this.metrics = new SimulatedMetrics(clock, this.traffic)
    this.probe = new SimulatedProbe(clock, (version) => this.#behaviourOf(version).health)
    this.tests = new SimulatedTests()
    this.store = new FaultyStore(memoryStore(), clock)
  }

  get adapters(): Adapters {
    const { router, metrics, platform, probe, tests } = this
    return { router, metrics, platform, probe, tests }
  }

  /** What a version is like from now on; everything that is not said is good. */
  version(name: string, behaviour: Partial<VersionBehaviour>): void {
    this.#versions.set(name, { ...GOOD, ...behaviour })
  }

  /** Starts a controller on the world's store. */
  async controller(more: Pick<EngineDeps, 'log' | 'inspector'> = {}): Promise<Controller> {
    const line = new Line(this)
    const engine = await Engine.open({
      ...more,
      adapters: line.adapters,
      store: line.store,
      clock: line.clock,
    })
    return { engine, crash: () => line.cut() }
  }

  #behaviourOf(version: string): VersionBehaviour {
    return this.#versions.get(version) ?? GOOD
  }
}
