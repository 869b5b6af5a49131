import { filter, type Observable } from 'rxjs'

import type { Adapters, Clock, Store } from '../../engine/ports.ts'
import { never } from './fault.ts'

/** What one controller sees of the world. */
export interface Connected {
  readonly adapters: Adapters
  readonly store: Store
  readonly clock: Clock
}

/**
 * The line between one controller and its world. Once it is cut, as by the death of the controller's process, no call
 * goes out, no answer comes back and no alarm rings; what is under way in the world goes on there.
 */
export class Line implements Connected {
  readonly adapters: Adapters
  readonly store: Store
  readonly clock: Clock
  #isCut = false

  constructor({ adapters: { router, metrics, platform, probe, tests }, store, clock }: Connected) {
    this.clock = {
      now: () => clock.now(),
      after: (ms, fn) => clock.after(ms, () => void (this.#isCut || fn())),
    }
    this.store = this.#through(store)
    this.adapters = {
      router: this.#through(router),
      metrics: this.#through(metrics),
      platform: this.#through(platform),
      probe: this.#through(probe),
      tests: this.#through(tests),
    }
  }

  cut(): void {
    this.#isCut = true
  }

  /** The same object with every promise and every observable going over the line. */
  #through<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (_, key) => {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function') return isObservable(value) ? this.#live(value) : value
        return (...args: readonly unknown[]) =>
          this.#isCut ? never() : this.#back(value.apply(target, args))
      },
    })
  }

  #back(result: unknown): unknown {
    if (isObservable(result)) return this.#live(result)
    if (!(result instanceof Promise)) return result
    return result.then(
      (value) => (this.#isCut ? never() : value),
      (error: unknown) => (this.#isCut ? never() : Promise.reject(error)),
    )
  }

  #live<T>(source: Observable<T>): Observable<T> {
    return source.pipe(filter(() => !this.#isCut))
  }
}

function isObservable(value: unknown): value is Observable<unknown> {
  return typeof value === 'object' && value !== null && 'subscribe' in value && 'pipe' in value
}
