import type { Cancellable, Clock, Route, RouterCapabilities, TrafficRouter } from '../../engine/ports.ts'
import { AdapterError } from '../../errors.ts'
import { compareGenerations } from '../../events/generation.ts'
import { shareOf } from '../../events/share.ts'
import { type Fault, suffering } from './fault.ts'
import type { Traffic } from './traffic.ts'

/** A change that a simulated router made. */
export interface Change {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly route: Route
}

/** Stands for a port that was free. */
const FREE_PORT = 20_080

/** A {@link TrafficRouter} in memory: refuses older generations, reads back, and fails the way a test wants it to. */
export class SimulatedRouter implements TrafficRouter {
  readonly capabilities: RouterCapabilities
  /** What is wrong with `apply`. */
  fault: Fault = 'none'
  /** What is wrong with `drain`. */
  drainFault: Fault = 'none'
  /** All changes of what is in force, oldest first. */
  readonly changes: Change[] = []
  /** Every call of `apply`, also those that came to nothing, oldest first. */
  readonly asked: Route[] = []
  readonly #routes = new Map<string, Route>()
  readonly #clock: Clock
  readonly #traffic: Traffic

  constructor(clock: Clock, traffic: Traffic, { fences = true }: { readonly fences?: boolean } = {}) {
    this.#clock = clock
    this.#traffic = traffic
    this.capabilities = { granularity: 1, drain: 'timed', fences }
  }

  apply(route: Route, _options: Cancellable): Promise<Route> {
    this.asked.push(route)
    return this.#suffer(this.fault, () => this.#put(route))
  }

  async read(service: string, _options: Cancellable): Promise<Route | null> {
    return this.#routes.get(service) ?? null
  }

  drain(
    _what: { readonly service: string; readonly version: string; readonly ms: number },
    _options: Cancellable,
  ): Promise<{ readonly cut: number }> {
    return this.#suffer(this.drainFault, () => ({ cut: 0 }))
  }

  async remove(service: string, _options: Cancellable): Promise<void> {
    this.forget(service)
  }

  /** What a version gets of a service now, in percent. */
  percentOf(service: string, version: string): number {
    return shareOf(this.#routes.get(service)?.backends ?? [], version) / 100
  }

  /** What is in force; null when nothing is. */
  inForce(service: string): Route | null {
    return this.#routes.get(service) ?? null
  }

  /** As after a restart without a memory. */
  forget(service: string): void {
    this.#routes.delete(service)
    this.#traffic.follow(service, null)
  }

  #put(route: Route): Route {
    const before = this.#routes.get(route.service)
    if (before !== undefined && this.capabilities.fences && isFenced(route, before)) {
      throw new AdapterError('ROUTER_STALE_GENERATION', `${route.service}: a newer generation is in force`)
    }
    const port = route.listen.port === 0 ? (before?.listen.port ?? FREE_PORT) : route.listen.port
    const applied = { ...route, listen: { ...route.listen, port } }
    if (JSON.stringify(applied) !== JSON.stringify(before)) {
      this.changes.push({ at: this.#clock.now(), route: applied })
      this.#traffic.follow(route.service, applied)
    }
    this.#routes.set(route.service, applied)
    return applied
  }

  #suffer<T>(fault: Fault, work: () => T): Promise<T> {
    return suffering(fault, work, { clock: this.#clock, refused: 'ROUTER_FAILED' })
  }
}

/** Older than what is in force, or the same generation with another split. */
function isFenced(route: Route, before: Route): boolean {
  const age = compareGenerations(route.generation, before.generation)
  return age < 0 || (age === 0 && sharesOf(route) !== sharesOf(before))
}

function sharesOf({ backends }: Route): string {
  return JSON.stringify(backends.map(({ version, weight }) => [version, weight]))
}
