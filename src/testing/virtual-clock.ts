import { setImmediate as turn } from 'node:timers/promises'

import type { Clock } from '../engine/ports.ts'
import { UsageError } from '../errors.ts'

/** A clock that stands still until a test moves it. */
export interface VirtualClock extends Clock {
  /**
   * Lets `ms` go by: what is due fires in order, each at its own time, and everything that follows from it without
   * further waiting is done before the next. Rejects with what a callback throws.
   */
  advance(ms: number): Promise<void>
  /** Sets the time of day by `ms`, also back, as an administrator would: nothing fires, no wait gets longer or shorter. */
  jump(ms: number): void
  /** How many waits are not over. */
  pending(): number
}

/** Turns of the event loop that what follows from a callback may take: a few awaits of files or sockets that answer. */
const TURNS = 4

interface Wait {
  readonly due: number
  readonly fn: () => void
}

/** A {@link VirtualClock} that starts at `now`, in milliseconds since the epoch. Default 0. */
export function virtualClock({ now = 0 }: { readonly now?: number } = {}): VirtualClock {
  return new Virtual(now)
}

class Virtual implements VirtualClock {
  readonly #waits = new Set<Wait>()
  /** Goes only forwards: waits are measured by it. */
  #elapsed = 0
  #dayOffset: number

  constructor(now: number) {
    this.#dayOffset = now
  }

  now(): number {
    return this.#dayOffset + this.#elapsed
  }

  after(ms: number, fn: () => void): () => void {
    checkMs(ms)
    const wait = { due: this.#elapsed + ms, fn }
    this.#waits.add(wait)
    return () => void this.#waits.delete(wait)
  }

  async advance(ms: number): Promise<void> {
    checkMs(ms)
    await settle()
    const end = this.#elapsed + ms
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#elapsed = Math.max(this.#elapsed, next.due)
      this.#waits.delete(next)
      next.fn()
      await settle()
    }
    this.#elapsed = Math.max(this.#elapsed, end)
  }

  jump(ms: number): void {
    this.#dayOffset += ms
  }

  pending(): number {
    return this.#waits.size
  }

  /** The first that is due until `end`; of those at one time, the one that was asked for first. */
  #next(end: number): Wait | undefined {
    let first: Wait | undefined
    for (const wait of this.#waits) {
      if (wait.due <= end && (first === undefined || wait.due < first.due)) first = wait
    }
    return first
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await turn()
}

function checkMs(ms: number): void {
  if (Number.isFinite(ms) && ms >= 0) return
  throw new UsageError('ARGUMENT_INVALID', `expected milliseconds from 0, got ${ms}`)
}
