import { onTestFinished } from 'vitest'

import type { JournalEntry, Store, StoredEntry } from '../engine/ports.ts'

/** An empty store, ended with everything that belongs to it when the test ends. */
export interface StoreUnderTest extends AsyncDisposable {
  readonly store: Store
  /** Opens the same data anew, after `store` was closed. For stores that outlive their process. */
  readonly reopen?: () => Promise<Store>
}

/** Gives an empty store. */
export type Open = () => Promise<StoreUnderTest>

/** The whole history. */
export const ALL = { after: 0, limit: 1_000_000 }
/** What an append is rejected with when someone else was first. */
export const CONFLICT = { name: 'AdapterError', code: 'STORE_CONFLICT' }
/** What a wrong argument is rejected with. */
export const MISTAKE = { name: 'UsageError', code: 'ARGUMENT_INVALID' }

/** How long a watcher may wait for what has to come. */
export function patience(): AbortSignal {
  return AbortSignal.timeout(60_000)
}

/** Opens a store that is closed when the test ends. */
export async function opened(open: Open): Promise<StoreUnderTest> {
  const under = await open()
  onTestFinished(async () => under[Symbol.asyncDispose]())
  return under
}

/** An entry with this event; everything else in it is always the same. */
export function entryOf(event: unknown): JournalEntry {
  const command = { type: 'page', params: { message: 'hello' } }
  return { rollout: 'r', strategy: 'canary', time: 1, event, state: 'monitoring', commands: [command] }
}

/** The `n`th change that {@link fill} makes. */
export function changeTo(n: number): { readonly entry: JournalEntry; readonly record: unknown } {
  return { entry: entryOf(n), record: { n } }
}

/** Makes the first `count` changes of a new service, one after the other. */
export async function fill(store: Store, service: string, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await store.append(service, n - 1, changeTo(n))
}

/** The next `count` entries after a cursor, as a watcher sees them. */
export async function take(
  store: Store,
  { after, count }: { readonly after: number; readonly count: number },
): Promise<readonly StoredEntry[]> {
  const seen: StoredEntry[] = []
  for await (const entry of store.watch(after, { signal: patience() })) {
    seen.push(entry)
    if (seen.length === count) break
  }
  return seen
}

/** All that a store has. */
export interface Contents {
  readonly head: number
  readonly records: readonly unknown[]
  readonly entries: readonly StoredEntry[]
}

/** Reads all that a store has. */
export async function contents(store: Store): Promise<Contents> {
  const records = await store.list()
  const histories = await Promise.all(records.map(async ({ service }) => store.history(service, ALL)))
  return { head: await store.head(), records, entries: histories.flat() }
}

/** Entries as `shop1`, `shop2`: service and sequence number. */
export function namesOf(entries: readonly StoredEntry[]): readonly string[] {
  return entries.map(({ service, seq }) => `${service}${seq}`)
}

/** Their cursors as they have to be: rising, no two the same. */
export function ascending(entries: readonly StoredEntry[]): readonly number[] {
  return [...new Set(entries.map(({ cursor }) => cursor))].toSorted((a, b) => a - b)
}
