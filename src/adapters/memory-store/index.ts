import { EventEmitter, once } from 'node:events'

import type { Cancellable, JournalEntry, Store, StoredEntry, StoredRecord } from '../../engine/ports.ts'
import { AdapterError, UsageError } from '../../errors.ts'

/**
 * A store that forgets everything when its process ends: for tests, and for runs that nobody needs to resume. What goes
 * in is kept as JSON text, so that it comes out as it would from a file.
 */
export function memoryStore(): Store {
  return new MemoryStore()
}

interface Line {
  readonly service: string
  readonly seq: number
  readonly cursor: number
  readonly entry: string
}

interface Shelf {
  readonly lines: Line[]
  record: string
}

class MemoryStore implements Store {
  readonly durability = 'none'
  readonly #lines: Line[] = []
  readonly #shelves = new Map<string, Shelf>()
  readonly #news = new EventEmitter().setMaxListeners(0)
  #isOpen = true

  async append(
    service: string,
    expected: number,
    change: { readonly entry: JournalEntry; readonly record: unknown },
  ): Promise<StoredEntry> {
    const [entry, record] = [json(change.entry, 'entry'), json(change.record, 'record')]
    this.#check('expected', expected)
    const shelf = this.#shelves.get(service) ?? { lines: [], record }
    const version = shelf.lines.length
    if (version !== expected) {
      throw new AdapterError('STORE_CONFLICT', `the service is at version ${version}, not ${expected}`)
    }
    const line = { service, seq: version + 1, cursor: this.#lines.length + 1, entry }
    shelf.lines.push(line)
    shelf.record = record
    this.#shelves.set(service, shelf)
    this.#lines.push(line)
    this.#news.emit('news')
    return stored(line)
  }

  async load(service: string): Promise<StoredRecord | null> {
    this.#check()
    const shelf = this.#shelves.get(service)
    return shelf === undefined ? null : recordOf(service, shelf)
  }

  async list(): Promise<readonly StoredRecord[]> {
    this.#check()
    const all = [...this.#shelves].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return all.map(([service, shelf]) => recordOf(service, shelf))
  }

  async history(
    service: string,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<readonly StoredEntry[]> {
    this.#check('after', after)
    this.#check('limit', limit)
    const lines = this.#shelves.get(service)?.lines ?? []
    return lines.slice(after, after + limit).map(stored)
  }

  async *watch(cursor: number, { signal }: Cancellable): AsyncIterable<StoredEntry> {
    this.#check('cursor', cursor)
    let next = cursor
    while (this.#isOpen && !signal.aborted) {
      const line = this.#lines[next]
      if (line === undefined) {
        // Rejects when aborted, and only then.
        await once(this.#news, 'news', { signal }).catch(() => {})
      } else {
        next = line.cursor
        yield stored(line)
      }
    }
  }

  async head(): Promise<number> {
    this.#check()
    return this.#lines.length
  }

  async close(): Promise<void> {
    this.#isOpen = false
    this.#news.emit('news')
  }

  #check(what = 'place', place = 0): void {
    if (!this.#isOpen) throw new AdapterError('STORE_UNAVAILABLE', 'the store is closed')
    if (place === Number.POSITIVE_INFINITY || (Number.isSafeInteger(place) && place >= 0)) return
    throw new UsageError('ARGUMENT_INVALID', `${what}: expected a whole number from 0, got ${place}`)
  }
}

function json(value: unknown, what: string): string {
  try {
    const text: string | undefined = JSON.stringify(value)
    if (text !== undefined) return text
  } catch (cause) {
    throw new UsageError('ARGUMENT_INVALID', `${what}: it can't be written as JSON`, { cause })
  }
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected JSON, got ${typeof value}`)
}

function stored({ entry, ...places }: Line): StoredEntry {
  return { ...JSON.parse(entry), ...places }
}

function recordOf(service: string, { lines, record }: Shelf): StoredRecord {
  return { service, version: lines.length, record: JSON.parse(record) }
}
