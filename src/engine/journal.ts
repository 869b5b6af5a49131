// One service's journal: the store's answers made simple. An append either happened, or did not, or someone else was first.
import { AdapterError } from '../errors.ts'
import type { JournalEntry, Store, StoredEntry } from './ports.ts'
import type { ServiceRecord } from './record.ts'

/** What came of an append. */
export type Appended =
  | { readonly kind: 'written'; readonly stored: StoredEntry }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'unavailable'; readonly error: AdapterError }

export class Journal {
  readonly #store: Store
  readonly #service: string
  #version: number

  constructor(store: Store, service: string, version: number) {
    this.#store = store
    this.#service = service
    this.#version = version
  }

  async append(entry: JournalEntry, record: ServiceRecord): Promise<Appended> {
    try {
      return this.#written(await this.#store.append(this.#service, this.#version, { entry, record }))
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error
      if (error.code === 'STORE_CONFLICT') return { kind: 'conflict' }
      if (error.code === 'STORE_AMBIGUOUS') return this.#compare(entry, error)
      return { kind: 'unavailable', error }
    }
  }

  /** Reads the record anew, after someone else has written. */
  async reload(): Promise<unknown> {
    const stored = await this.#store.load(this.#service)
    this.#version = stored?.version ?? 0
    return stored?.record ?? null
  }

  /** Written or not? The journal itself tells. */
  async #compare(entry: JournalEntry, error: AdapterError): Promise<Appended> {
    try {
      const [newest] = await this.#store.history(this.#service, { after: this.#version, limit: 1 })
      if (newest === undefined) return { kind: 'unavailable', error }
      const isOurs =
        newest.rollout === entry.rollout && JSON.stringify(newest.event) === JSON.stringify(entry.event)
      return isOurs && newest.time === entry.time ? this.#written(newest) : { kind: 'conflict' }
    } catch {
      return { kind: 'unavailable', error }
    }
  }

  #written(stored: StoredEntry): Appended {
    this.#version = stored.seq
    return { kind: 'written', stored }
  }
}
