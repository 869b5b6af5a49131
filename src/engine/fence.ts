// User code runs behind a fence: what a subscriber or a listener throws is caught, logged and counted, and goes no further.
// RxJS would make an uncaught exception of it, EventEmitter3 would not call the listeners after it.
import { Observable, type Observer, type Operator, type Subscription } from 'rxjs'

import { messageOf } from '../errors.ts'

type Callbacks<T> = Partial<Observer<T>>

/** Where it is said that somebody threw; every logger is one. */
export interface Complaints {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
}

/** Calls what users gave us. */
export class Fence {
  readonly #log: Complaints
  #caught = 0

  constructor(log: Complaints) {
    this.#log = log
  }

  /** How often something was thrown. */
  get caught(): number {
    return this.#caught
  }

  /** Calls `fn`; what it throws, now or by a promise, stays here. */
  run(fn: () => unknown): void {
    try {
      const result = fn()
      if (isThenable(result)) void result.then(undefined, (error: unknown) => this.#catch(error))
    } catch (error) {
      this.#catch(error)
    }
  }

  /** The same observable, and all that is piped from it, for subscribers that may throw. */
  around<T>(source: Observable<T>): Observable<T> {
    return new FencedObservable<T>(this, source)
  }

  callbacks<T>({ next, error, complete }: Callbacks<T>): Observer<T> {
    return {
      next: (value) => this.run(() => next?.(value)),
      error: (cause: unknown) => (error === undefined ? this.#catch(cause) : this.run(() => error(cause))),
      complete: () => this.run(() => complete?.()),
    }
  }

  #catch(error: unknown): void {
    this.#caught++
    this.#log.warn({ reason: messageOf(error), total: this.#caught }, 'a subscriber threw')
  }
}

class FencedObservable<T> extends Observable<T> {
  readonly #fence: Fence

  constructor(fence: Fence, source: Observable<unknown>, operator?: Operator<never, T>) {
    super()
    this.#fence = fence
    this.source = source
    // Without an operator an observable subscribes its subscribers to the source as they are.
    if (operator !== undefined) this.operator = operator as Operator<unknown, T>
  }

  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    return new FencedObservable<R>(this.#fence, this, operator)
  }

  override subscribe(
    next?: Callbacks<T> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // Operators subscribe with subscribers of their own, which are not users'.
    if (isSubscriber<T>(next)) return super.subscribe(next)
    const given =
      typeof next === 'object' && next !== null
        ? {
            next: (value: T) => next.next?.(value),
            complete: () => next.complete?.(),
            ...(next.error === undefined ? {} : { error: (cause: unknown) => next.error?.(cause) }),
          }
        : {
            ...(next === undefined || next === null ? {} : { next }),
            ...(error === undefined || error === null ? {} : { error }),
            ...(complete === undefined || complete === null ? {} : { complete }),
          }
    return super.subscribe(this.#fence.callbacks(given))
  }
}

function isSubscriber<T>(value: unknown): value is Observer<T> {
  return (
    typeof value === 'object' && value !== null && 'add' in value && 'unsubscribe' in value && 'next' in value
  )
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
