// One service's journal: the store's answers made simple. An append either happened, or did not, or someone else was first;
// what the store does not say, the journal itself tells.
import { AdapterError, UsageError } from '../errors.ts'
import { within } from './back-off.ts'
import type { Clock, JournalEntry, Store, StoredEntry, StoredRecord } from './ports.ts'

/** What is appended: a line, and the record as it is from then on. */
export interface Change {
  readonly entry: JournalEntry
  readonly record: unknown
}

/** What came of an append. */
export type Appended =
  | { readonly kind: 'written'; readonly stored: StoredEntry }
  | {
      /** There are lines that this controller has not seen; `isOurs` when the one to be appended is among them. */
      readonly kind: 'overtaken'
      readonly record: unknown
      readonly missed: readonly StoredEntry[]
      readonly isOurs: boolean
    }
  | { readonly kind: 'unavailable'; readonly error: unknown }

/** How long a store may take to answer: after that it is asked what it has. */
const PATIENCE_MS = 5_000

export class Journal {
  readonly #store: Store
  readonly #clock: Clock
  readonly #service: string
  #version: number
  /** Appends that were given up, and may yet be found written. */
  readonly #doubtful = new Set<Change>()
  readonly #found = new WeakSet<JournalEntry>()

  constructor(
    { store, clock }: { readonly store: Store; readonly clock: Clock },
    service: string,
    version: number,
  ) {
    this.#store = store
    this.#clock = clock
    this.#service = service
    this.#version = version
  }

  /**
   * Settles in a bounded time, whatever the store does.
   * @throws UsageError when the store can't hold this change, now or ever
   */
  async append(change: Change): Promise<Appended> {
    try {
      const stored = await this.#ask(() => this.#store.append(this.#service, this.#version, change))
      this.#advance(stored.seq)
      return { kind: 'written', stored }
    } catch (error) {
      if (error instanceof UsageError) throw error
      const isUnwritten = error instanceof AdapterError && error.code === 'STORE_UNAVAILABLE'
      return isUnwritten ? { kind: 'unavailable', error } : this.#compare(change, error)
    }
  }

  /** Whether an append that was given up was written after all. */
  has(entry: JournalEntry): boolean {
    return this.#found.has(entry)
  }

  /** Written or not, or someone else? What stands in the journal tells. */
  async #compare(change: Change, error: unknown): Promise<Appended> {
    // A conflict is no doubt: that attempt wrote nothing. An earlier one may have.
    if (!(error instanceof AdapterError && error.code === 'STORE_CONFLICT')) this.#doubtful.add(change)
    try {
      const now = await this.#ask(() => this.#store.load(this.#service))
      const after = this.#version
      if (now === null || now.version <= after) return { kind: 'unavailable', error }
      const range = { after, limit: now.version - after }
      const missed = await this.#ask(() => this.#store.history(this.#service, range))
      this.#recognise(missed, now)
      this.#advance(now.version)
      const [only] = missed
      const isOurs = this.#found.has(change.entry)
      return isOurs && only !== undefined && missed.length === 1
        ? { kind: 'written', stored: only }
        : { kind: 'overtaken', record: now.record, missed, isOurs }
    } catch {
      return { kind: 'unavailable', error }
    }
  }

  #recognise(missed: readonly StoredEntry[], now: StoredRecord): void {
    for (const change of this.#doubtful) {
      if (missed.some((stored) => isSame(stored, change, now))) this.#found.add(change.entry)
    }
  }

  /** What named an older version can no longer be written. */
  #advance(version: number): void {
    this.#version = version
    this.#doubtful.clear()
  }

  #ask<T>(work: () => Promise<T>): Promise<T> {
    return within({ clock: this.#clock, ms: PATIENCE_MS }, work)
  }
}

/** Two controllers may say the same at the same time; where the record is still there to see, it tells them apart. */
function isSame(stored: StoredEntry, { entry, record }: Change, now: StoredRecord): boolean {
  return (
    stored.rollout === entry.rollout &&
    stored.time === entry.time &&
    JSON.stringify(stored.event) === JSON.stringify(entry.event) &&
    (stored.seq !== now.version || JSON.stringify(now.record) === JSON.stringify(record))
  )
}
