import { sleep } from '../../engine/back-off.ts'
import type {
  Cancellable,
  Clock,
  JournalEntry,
  Store,
  StoredEntry,
  StoredRecord,
} from '../../engine/ports.ts'
import { AdapterError } from '../../errors.ts'
import { never } from './fault.ts'

interface Change {
  readonly entry: JournalEntry
  readonly record: unknown
}

/**
 * What is wrong with a store. Beside what can be wrong with everything (see `Fault`), an append can be `ambiguous`: it may
 * have been `written`, or may have been `lost`, and the store does not know.
 */
export type StoreFault =
  | 'none'
  | 'hang'
  | 'refuse'
  | 'lose-answer'
  | 'ambiguous-written'
  | 'ambiguous-lost'
  | { readonly slowMs: number }

/** A store in front of another one, which fails the way a test wants it to. */
export class FaultyStore implements Store {
  readonly durability = 'none'
  /** What is wrong with `append`. */
  fault: StoreFault = 'none'
  /** What is wrong with everything that reads. */
  readFault: 'none' | 'hang' | 'refuse' = 'none'
  /** Called before each append, and waited for. */
  before: (change: Change) => void | Promise<void> = () => {}
  /** All appends that were asked for, also those that came to nothing. */
  readonly asked: Change[] = []
  readonly #inner: Store
  readonly #clock: Clock

  constructor(inner: Store, clock: Clock) {
    this.#inner = inner
    this.#clock = clock
  }

  async append(service: string, expected: number, change: Change): Promise<StoredEntry> {
    this.asked.push(change)
    await this.before(change)
    const { fault } = this
    const write = () => this.#inner.append(service, expected, change)
    switch (fault) {
      case 'none':
        return write()
      case 'hang':
        return never()
      case 'refuse':
        throw unavailable()
      case 'lose-answer':
        await write()
        return never()
      case 'ambiguous-written':
        await write()
        throw ambiguous()
      case 'ambiguous-lost':
        throw ambiguous()
      default:
        await sleep(this.#clock, fault.slowMs)
        return write()
    }
  }

  async load(service: string): Promise<StoredRecord | null> {
    await this.#readable()
    return this.#inner.load(service)
  }

  async list(): Promise<readonly StoredRecord[]> {
    await this.#readable()
    return this.#inner.list()
  }

  async history(
    service: string,
    range: { readonly after: number; readonly limit: number },
  ): Promise<readonly StoredEntry[]> {
    await this.#readable()
    return this.#inner.history(service, range)
  }

  watch(cursor: number, options: Cancellable): AsyncIterable<StoredEntry> {
    return this.#inner.watch(cursor, options)
  }

  head(): Promise<number> {
    return this.#inner.head()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  async #readable(): Promise<void> {
    if (this.readFault === 'hang') await never()
    if (this.readFault === 'refuse') throw unavailable()
  }
}

function unavailable(): Error {
  return new AdapterError('STORE_UNAVAILABLE', 'the store does not answer')
}

function ambiguous(): Error {
  return new AdapterError('STORE_AMBIGUOUS', 'it may or may not have been written')
}
