import { expect, test } from 'vitest'

import type { StoredEntry } from '../engine/ports.ts'
import {
  ALL,
  ascending,
  changeTo,
  fill,
  MISTAKE,
  namesOf,
  type Open,
  opened,
  patience,
  take,
} from './store-rig.ts'

const LONGER_THAN_A_BATCH = 1_200

/** What every Store promises to those who watch it. */
export function watches(open: Open): void {
  begins(open)
  ends(open)
  goesOn(open)
}

function begins(open: Open): void {
  test('a watcher from 0 sees all that was, then all that comes, in order and without a gap', async () => {
    const { store } = await opened(open)
    await fill(store, 'a', 3)
    const watching = take(store, { after: 0, count: 7 })
    await fill(store, 'b', 2)
    await fill(store, 'c', 2)
    expect(namesOf(await watching)).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1', 'c2'])
  })

  test('a watcher from the middle sees only what comes after it', async () => {
    const { store } = await opened(open)
    await fill(store, 'a', 5)
    const [, middle] = await store.history('a', ALL)
    const seen = await take(store, { after: middle?.cursor ?? 0, count: 3 })
    expect(namesOf(seen)).toEqual(['a3', 'a4', 'a5'])
  })

  test('a watcher from the head waits for what comes', async () => {
    const { store } = await opened(open)
    await fill(store, 'a', 2)
    const watching = take(store, { after: await store.head(), count: 1 })
    await fill(store, 'b', 1)
    expect(namesOf(await watching)).toEqual(['b1'])
  })

  test('what a watcher sees is what the append returned', async () => {
    const { store } = await opened(open)
    const watching = take(store, { after: 0, count: 1 })
    const stored = await store.append('a', 0, changeTo(1))
    expect(await watching).toEqual([stored])
  })

  test.each([-1, 0.5, Number.NaN])('%f is no cursor, and is refused as a mistake', async (cursor) => {
    const { store } = await opened(open)
    await expect(take(store, { after: cursor, count: 1 })).rejects.toMatchObject(MISTAKE)
  })
}

function ends(open: Open): void {
  test('an abort ends a waiting watcher quietly', async () => {
    const { store } = await opened(open)
    await fill(store, 'a', 1)
    const watcher = new AbortController()
    const seen: string[] = []
    for await (const entry of store.watch(0, { signal: watcher.signal })) {
      seen.push(...namesOf([entry]))
      setImmediate(() => watcher.abort())
    }
    expect(seen).toEqual(['a1'])
  })

  test('a watcher that was aborted before it began sees nothing', async () => {
    const { store } = await opened(open)
    await fill(store, 'a', 3)
    const seen: StoredEntry[] = []
    for await (const entry of store.watch(0, { signal: AbortSignal.abort() })) seen.push(entry)
    expect(seen).toEqual([])
  })

  test('an abort in the middle of the backlog is the end', async () => {
    const { store } = await opened(open)
    await fill(store, 'a', 5)
    const watcher = new AbortController()
    const seen: StoredEntry[] = []
    for await (const entry of store.watch(0, { signal: watcher.signal })) {
      seen.push(entry)
      if (seen.length === 2) watcher.abort()
    }
    expect(namesOf(seen)).toEqual(['a1', 'a2'])
  })

  test('a watcher that waits ends when its store is closed', async () => {
    const { store } = await opened(open)
    await fill(store, 'shop', 1)
    const seen: StoredEntry[] = []
    for await (const entry of store.watch(0, { signal: patience() })) {
      seen.push(entry)
      setImmediate(() => void store.close())
    }
    expect(namesOf(seen)).toEqual(['shop1'])
  })
}

function goesOn(open: Open): void {
  test('two watchers see the same, each at its own pace', async () => {
    const { store } = await opened(open)
    const [early, late] = [take(store, { after: 0, count: 6 }), take(store, { after: 0, count: 3 })]
    await fill(store, 'a', 6)
    expect(namesOf(await early)).toEqual(['a1', 'a2', 'a3', 'a4', 'a5', 'a6'])
    expect(namesOf(await late)).toEqual(['a1', 'a2', 'a3'])
  })

  test('a slow watcher loses nothing', async () => {
    const { store } = await opened(open)
    await fill(store, 'a', 1)
    const seen: StoredEntry[] = []
    for await (const entry of store.watch(0, { signal: patience() })) {
      seen.push(entry)
      if (seen.length === 1) await fill(store, 'b', LONGER_THAN_A_BATCH)
      if (seen.length === 2) await fill(store, 'c', 3)
      if (seen.length === LONGER_THAN_A_BATCH + 4) break
    }
    expect(seen.map(({ cursor }) => cursor)).toEqual(ascending(seen))
    expect(namesOf(seen.slice(-4))).toEqual([`b${LONGER_THAN_A_BATCH}`, 'c1', 'c2', 'c3'])
    const seqs = seen.filter(({ service }) => service === 'b').map(({ seq }) => seq)
    expect(seqs).toEqual(Array.from({ length: LONGER_THAN_A_BATCH }, (_, i) => i + 1))
  })

  test('a watcher that stopped goes on at its cursor, while others append', async () => {
    const { store } = await opened(open)
    const appending = Promise.all(['a', 'b', 'c'].map(async (service) => fill(store, service, 40)))
    const seen: StoredEntry[] = []
    while (seen.length < 120) {
      const count = Math.min(7, 120 - seen.length)
      seen.push(...(await take(store, { after: seen.at(-1)?.cursor ?? 0, count })))
    }
    await appending
    expect(seen).toEqual(await take(store, { after: 0, count: 120 }))
  })

  test('a watcher may append, and sees that too', async () => {
    const { store } = await opened(open)
    await fill(store, 'a', 1)
    const seen: StoredEntry[] = []
    for await (const entry of store.watch(0, { signal: patience() })) {
      seen.push(entry)
      if (seen.length === 5) break
      await store.append('a', entry.seq, changeTo(entry.seq + 1))
    }
    expect(namesOf(seen)).toEqual(['a1', 'a2', 'a3', 'a4', 'a5'])
  })
}
