import { EventEmitter, once } from 'node:events'

import type { Cancellable, JournalEntry, Store, StoredEntry, StoredRecord } from '../../engine/ports.ts'
import { AdapterError, UsageError } from '../../errors.ts'
import type { Database } from './driver.ts'
import { type Deed, failed } from './failures.ts'
import { entryIn, json, keyOf, recordIn, whole } from './rows.ts'
import { prepareStatements, type Statements } from './statements.ts'

/** How many entries a watcher has in its hands at most. */
const BATCH = 256
/** How long an append of another process may stay unseen. */
const POLL_MS = 100

interface Change {
  readonly entry: JournalEntry
  readonly record: unknown
}

/** A database that is ready for use, as the port wants it. All work is synchronous; only its answers are promises. */
export class SqliteStore implements Store {
  readonly durability = 'power'
  readonly #db: Database
  readonly #sql: Statements
  readonly #news = new EventEmitter().setMaxListeners(0)
  /** Changes with each commit of another connection, and never with one of ours. */
  #foreign: number
  #watchers = 0
  #poll: NodeJS.Timeout | undefined

  constructor(db: Database) {
    this.#db = db
    this.#sql = prepareStatements(db)
    this.#foreign = this.#foreignVersion()
  }

  async append(service: string, expected: number, change: Change): Promise<StoredEntry> {
    const [entry, record] = [json(change.entry, 'entry'), json(change.record, 'record')]
    place(expected, 'expected')
    const key = keyOf(service)
    const cursor = this.#transaction(() => {
      const row = this.#sql.version.get(key)
      const version = row === undefined ? 0 : whole(row, 'version')
      if (version !== expected) {
        throw new AdapterError('STORE_CONFLICT', `the service is at version ${version}, not ${expected}`)
      }
      this.#sql.replace.run(key, version + 1, record)
      return Number(this.#sql.insert.run(key, version + 1, entry).lastInsertRowid)
    })
    this.#news.emit('news')
    return entryIn({ service: key, seq: expected + 1, cursor, entry })
  }

  async load(service: string): Promise<StoredRecord | null> {
    return this.#read(() => {
      const row = this.#sql.load.get(keyOf(service))
      return row === undefined ? null : recordIn(row)
    })
  }

  async list(): Promise<readonly StoredRecord[]> {
    const records = this.#read(() => this.#sql.list.all().map(recordIn))
    return records.toSorted((a, b) => (a.service < b.service ? -1 : 1))
  }

  async history(
    service: string,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<readonly StoredEntry[]> {
    const range = [place(after, 'after'), place(limit, 'limit')] as const
    return this.#read(() => this.#sql.history.all(keyOf(service), ...range).map(entryIn))
  }

  async *watch(cursor: number, { signal }: Cancellable): AsyncIterable<StoredEntry> {
    const after = place(cursor, 'cursor')
    this.#read(() => this.#startPolling())
    try {
      yield* this.#entries(after, signal)
    } finally {
      this.#stopPolling()
    }
  }

  async head(): Promise<number> {
    return this.#read(() => whole(this.#sql.head.get(), 'head'))
  }

  async close(): Promise<void> {
    if (!this.#db.isOpen) return
    clearInterval(this.#poll)
    guarded('write', () => this.#db.close())
    this.#news.emit('news')
  }

  async *#entries(cursor: number, signal: AbortSignal): AsyncIterable<StoredEntry> {
    let after = cursor
    while (this.#db.isOpen && !signal.aborted) {
      const batch = this.#read(() => this.#sql.after.all(after, BATCH).map(entryIn))
      // Nothing happens between this read and this wait: they are one turn. Rejects when aborted, and only then.
      if (batch.length === 0) await once(this.#news, 'news', { signal }).catch(() => {})
      for (const entry of batch) {
        if (signal.aborted) return
        after = entry.cursor
        yield entry
      }
    }
  }

  #read<T>(work: () => T): T {
    this.#checkOpen()
    return guarded('read', work)
  }

  /** All or nothing; only a failed COMMIT itself leaves a doubt. */
  #transaction<T>(work: () => T): T {
    this.#checkOpen()
    try {
      const result = guarded('write', () => {
        this.#sql.begin.run()
        return work()
      })
      guarded('commit', () => this.#sql.commit.run())
      return result
    } finally {
      this.#rollBack()
    }
  }

  #rollBack(): void {
    try {
      if (this.#db.isTransaction) this.#sql.rollback.run()
    } catch {
      // What went wrong first is what is said; a transaction that is still open makes the next append fail.
    }
  }

  #checkOpen(): void {
    if (!this.#db.isOpen) throw new AdapterError('STORE_UNAVAILABLE', 'the store is closed')
  }

  #startPolling(): void {
    if (this.#watchers++ === 0) this.#poll = setInterval(() => this.#look(), POLL_MS).unref()
  }

  #stopPolling(): void {
    if (--this.#watchers === 0) clearInterval(this.#poll)
  }

  /** Wakes the watchers for what other processes have appended; and for an error, which each of them then meets. */
  #look(): void {
    try {
      const version = this.#foreignVersion()
      if (version === this.#foreign) return
      this.#foreign = version
    } catch {
      // Said by the read that follows.
    }
    this.#news.emit('news')
  }

  #foreignVersion(): number {
    return whole(this.#sql.foreign.get(), 'data_version')
  }
}

function guarded<T>(deed: Deed, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw failed(deed, error)
  }
}

/** A place in a journal, or a limit; no limit is the largest number that SQLite and JavaScript both have. */
function place(value: number, what: string): number {
  if (value === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected a whole number from 0, got ${value}`)
}
