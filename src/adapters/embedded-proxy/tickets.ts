import type { Ending, Tally } from './counters.ts'

/** A request from the moment its version was chosen to its end. */
export class Ticket {
  readonly startedAt = performance.now()
  /** Called when a drain's deadline passed: end the request now. It is already counted. */
  onCut: () => void = () => {}
  readonly #tally: Tally
  readonly #leave: (ticket: Ticket) => void
  #open = true

  constructor(tally: Tally, leave: (ticket: Ticket) => void) {
    this.#tally = tally
    this.#leave = leave
    tally.began()
  }

  get open(): boolean {
    return this.#open
  }

  /** Counts the ending; the first one stands. */
  settle(ending: Ending): void {
    if (!this.#open) return
    this.#open = false
    this.#tally.ended(ending)
    this.#leave(this)
  }

  /** The version's complete answer got through. */
  served(status: number): void {
    this.settle({ kind: 'served', status, ms: performance.now() - this.startedAt })
  }
}

/** The requests of one version that are open, whatever generation they started in. */
class Open {
  readonly tickets = new Set<Ticket>()
  readonly #waiting = new Set<() => void>()

  admit(tally: Tally): Ticket {
    const ticket = new Ticket(tally, this.#leave)
    this.tickets.add(ticket)
    return ticket
  }

  whenEmpty(tell: () => void): () => void {
    this.#waiting.add(tell)
    return () => this.#waiting.delete(tell)
  }

  readonly #leave = (ticket: Ticket): void => {
    this.tickets.delete(ticket)
    if (this.tickets.size === 0) for (const tell of this.#waiting) tell()
  }
}

/** All open requests of a service, by version. */
export class Tickets {
  readonly #versions = new Map<string, Open>()

  /** Counts a request in, in the same tick as its version is chosen: a drain can't miss it. */
  admit(version: string, tally: Tally): Ticket {
    return this.#of(version).admit(tally)
  }

  get size(): number {
    return [...this.#versions.values()].reduce((sum, { tickets }) => sum + tickets.size, 0)
  }

  /** Ends what is open of a version now; says how many that were. */
  cut(version: string): number {
    const open = [...this.#of(version).tickets]
    for (const ticket of open) {
      ticket.settle({ kind: 'cut' })
      ticket.onCut()
    }
    return open.length
  }

  cutAll(): void {
    for (const version of this.#versions.keys()) this.cut(version)
  }

  /**
   * Resolves when nothing of the version is open any more; at `ms` it cuts the rest. Aborting the signal gives up without cutting.
   */
  async drained({ version, ms }: { version: string; ms: number }, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted()
    const open = this.#of(version)
    if (open.tickets.size === 0) return 0
    return new Promise<number>((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer)
        forget()
        signal.removeEventListener('abort', abort)
      }
      const done = (cut: number): void => {
        end()
        resolve(cut)
      }
      const abort = (): void => {
        end()
        reject(signal.reason)
      }
      const timer = setTimeout(() => {
        forget()
        done(this.cut(version))
      }, ms)
      const forget = open.whenEmpty(() => done(0))
      signal.addEventListener('abort', abort)
    })
  }

  #of(version: string): Open {
    const known = this.#versions.get(version)
    if (known !== undefined) return known
    const open = new Open()
    this.#versions.set(version, open)
    return open
  }
}
