import { describe, expect, test } from 'vitest'

import {
  ALL,
  ascending,
  changeTo,
  CONFLICT,
  contents,
  entryOf,
  fill,
  MISTAKE,
  type Open,
  opened,
  take,
} from './store-rig.ts'
import { watches } from './store-watch-contract.ts'

export type { StoreUnderTest } from './store-rig.ts'

/**
 * What every Store promises. Adapter authors call it in a vitest test file of their own; `open` gives an empty store.
 * Nothing in it needs an answer at once, so a store behind a network can pass it unchanged.
 */
export function storeContract(name: string, open: Open): void {
  describe(`${name} keeps the Store contract`, () => {
    appends(open)
    races(open)
    reads(open)
    watches(open)
    carries(open)
    closes(open)
  })
}

function appends(open: Open): void {
  test('versions and sequence numbers of a service count up by one', async () => {
    const { store } = await opened(open)
    for (const seq of [1, 2, 3]) {
      const stored = await store.append('shop', seq - 1, changeTo(seq))
      expect(stored).toEqual({ ...entryOf(seq), service: 'shop', seq, cursor: expect.any(Number) })
      expect(await store.load('shop')).toEqual({ service: 'shop', version: seq, record: { n: seq } })
    }
  })

  test.each([1, 7])('an append at version %i of a new service writes nothing', async (expected) => {
    const { store } = await opened(open)
    await expect(store.append('shop', expected, changeTo(1))).rejects.toMatchObject(CONFLICT)
    expect(await contents(store)).toEqual({ head: 0, records: [], entries: [] })
  })

  test.each([0, 1, 3, 99])('an append at version %i of a service at 2 writes nothing', async (expected) => {
    const { store } = await opened(open)
    await fill(store, 'shop', 2)
    const before = await contents(store)

    await expect(store.append('shop', expected, changeTo(3))).rejects.toMatchObject(CONFLICT)

    expect(await contents(store)).toEqual(before)
    expect(await store.append('shop', 2, changeTo(3))).toMatchObject({ seq: 3 })
  })

  test.each([-1, 0.5, Number.NaN])('%f is no version, and is refused as a mistake', async (expected) => {
    const { store } = await opened(open)
    await expect(store.append('shop', expected, changeTo(1))).rejects.toMatchObject(MISTAKE)
    expect(await store.head()).toBe(0)
  })

  test('what is no JSON is refused as a mistake, and writes nothing', async () => {
    const { store } = await opened(open)
    for (const record of [undefined, 1n, () => {}]) {
      await expect(store.append('shop', 0, { entry: entryOf(1), record })).rejects.toMatchObject(MISTAKE)
    }
    expect(await contents(store)).toEqual({ head: 0, records: [], entries: [] })
  })

  test('what was given and what was returned are copies', async () => {
    const { store } = await opened(open)
    const record = { n: 1 }
    const stored = await store.append('shop', 0, { entry: entryOf(1), record })
    record.n = 2
    const loaded = async () =>
      [await store.load('shop'), ...(await store.list())].map((found) => found?.record)
    const said = async () => [
      ...(await store.history('shop', ALL)),
      ...(await take(store, { after: 0, count: 1 })),
    ]

    for (const found of [stored, ...(await loaded()), ...(await said())]) {
      Object.assign(Object(found), { n: 3, state: 'tampered' })
    }

    expect(await loaded()).toEqual([{ n: 1 }, { n: 1 }])
    expect((await said()).map(({ state }) => state)).toEqual(['monitoring', 'monitoring'])
  })
}

function races(open: Open): void {
  test('of concurrent appends at one version, exactly one wins', async () => {
    const { store } = await opened(open)
    const winners: string[] = []
    for (let version = 0; version < 20; version++) {
      const racers = Array.from({ length: 8 }, (_, i) => `${version}-${i}`)
      const ends = await Promise.allSettled(
        racers.map(async (event) => store.append('shop', version, { entry: entryOf(event), record: event })),
      )
      const won = ends.filter((end) => end.status === 'fulfilled').map(({ value }) => value)
      const lost = ends.filter((end) => end.status === 'rejected').map(({ reason }) => reason)
      expect(won.map(({ seq }) => seq)).toEqual([version + 1])
      expect(lost).toEqual(Array.from({ length: 7 }, () => expect.objectContaining(CONFLICT)))
      winners.push(String(won[0]?.event))
      expect(await store.load('shop')).toMatchObject({ record: winners.at(-1) })
    }
    expect((await store.history('shop', ALL)).map(({ event }) => event)).toEqual(winners)
  })

  test('many services append at the same time without hindering each other', async () => {
    const { store } = await opened(open)
    const services = Array.from({ length: 50 }, (_, i) => `service-${i}`)
    await Promise.all(services.map(async (service) => fill(store, service, 10)))

    const records = await store.list()
    expect(records.map(({ service }) => service)).toEqual(services.toSorted())
    for (const { version } of records) expect(version).toBe(10)
    const seen = await take(store, { after: 0, count: 500 })
    expect(seen.map(({ cursor }) => cursor)).toEqual(ascending(seen))
    for (const service of services) {
      const own = seen.filter((entry) => entry.service === service)
      expect(own.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    }
  })
}

function reads(open: Open): void {
  test('an empty store has no record, no history and no head', async () => {
    const { store } = await opened(open)
    expect(await store.load('nobody')).toBe(null)
    expect(await store.history('nobody', ALL)).toEqual([])
    expect(await contents(store)).toEqual({ head: 0, records: [], entries: [] })
  })

  test('the newest records are listed by name', async () => {
    const { store } = await opened(open)
    for (const service of ['b', 'a', 'é', 'B', '10', '9']) await fill(store, service, 2)
    const records = await store.list()
    expect(records.map(({ service }) => service)).toEqual(['10', '9', 'B', 'a', 'b', 'é'])
    expect(records[0]).toEqual({ service: '10', version: 2, record: { n: 2 } })
  })

  test.each([
    { after: 0, limit: 3, seqs: [1, 2, 3] },
    { after: 4, limit: 3, seqs: [5, 6, 7] },
    { after: 8, limit: 100, seqs: [9, 10] },
    { after: 10, limit: 100, seqs: [] },
    { after: 99, limit: 100, seqs: [] },
    { after: 0, limit: 0, seqs: [] },
    { after: 7, limit: Number.POSITIVE_INFINITY, seqs: [8, 9, 10] },
  ])('history after $after, at most $limit, is $seqs', async ({ seqs, ...range }) => {
    const { store } = await opened(open)
    await fill(store, 'shop', 10)
    await fill(store, 'other', 2)
    const found = await store.history('shop', range)
    expect(found.map(({ seq }) => seq)).toEqual(seqs)
    for (const { service, seq, event } of found) expect([service, event]).toEqual(['shop', seq])
  })

  test.each([
    { after: -1, limit: 1 },
    { after: 0, limit: -1 },
    { after: 0.5, limit: 1 },
    { after: 0, limit: Number.NaN },
  ])('history after $after, at most $limit, is refused as a mistake', async (range) => {
    const { store } = await opened(open)
    await expect(store.history('shop', range)).rejects.toMatchObject(MISTAKE)
  })

  test('the head is the cursor of the newest entry', async () => {
    const { store } = await opened(open)
    await fill(store, 'shop', 3)
    const { cursor } = await store.append('other', 0, changeTo(1))
    expect(await store.head()).toBe(cursor)
  })
}

const NAMES: readonly string[] = [
  '',
  ' ',
  '__proto__',
  'constructor',
  'toString',
  '/',
  '..',
  'a/b.c*d>e',
  '$SYS.>',
  "'; DROP TABLE entries; --",
  'line\nbreak',
  'nul\0in the middle',
  'nul',
  '\\u0000',
  '"quoted"',
  'naïve 服务 🚦',
  '\uD800',
  '\uDFFF',
  '\uFFFD',
  'x'.repeat(10_000),
]

function carries(open: Open): void {
  test('any text is the name of a service, and of no other', async () => {
    const { store } = await opened(open)
    for (const name of NAMES) await store.append(name, 0, { entry: entryOf(name), record: { name } })

    expect((await store.list()).map(({ service }) => service)).toEqual(NAMES.toSorted())
    for (const name of NAMES) {
      expect(await store.load(name)).toEqual({ service: name, version: 1, record: { name } })
      expect((await store.history(name, ALL)).map(({ service }) => service)).toEqual([name])
    }
    const seen = await take(store, { after: 0, count: NAMES.length })
    expect(seen.map(({ service }) => service)).toEqual(NAMES)
  })

  test.each([
    ['keys of the prototype', '{"__proto__":{"admin":true},"constructor":1,"toString":null}'],
    ['empty keys and values', '{"":"","a":[],"b":{},"c":null,"d":[null]}'],
    ['text of all kinds', JSON.stringify({ text: ['\0', '\n', '\u2028', '\uD800', '🚦', '"', '\\', 'é'] })],
    ['numbers at their limits', '[0,-1,1.5,1e-300,1.7976931348623157e+308,9007199254740991]'],
    ['no object at all', '"text"'],
    ['null', 'null'],
    ['deep nesting', `${'['.repeat(500)}${']'.repeat(500)}`],
  ])('JSON comes back as it was: %s', async (_, text) => {
    const { store } = await opened(open)
    const value: unknown = JSON.parse(text)
    const entry = { ...entryOf(1), event: value, commands: [value] }
    const stored = await store.append('shop', 0, { entry, record: value })

    const [first] = await store.history('shop', ALL)
    const loaded = await store.load('shop')
    for (const found of [stored.event, stored.commands[0], first?.event, loaded?.record]) {
      expect(JSON.stringify(found)).toBe(text)
    }
    expect({}).not.toHaveProperty('admin')
  })

  test('names in an entry do not take the place of where it stands', async () => {
    const { store } = await opened(open)
    const entry = Object.assign(entryOf(1), { service: 'forged', seq: 99, cursor: 99 })
    await store.append('shop', 0, { entry, record: null })
    expect(await store.history('shop', ALL)).toMatchObject([{ service: 'shop', seq: 1 }])
    expect(await store.history('forged', ALL)).toEqual([])
  })

  test('a record of a megabyte comes back whole', async () => {
    const { store } = await opened(open)
    const record = { text: 'é'.repeat(500_000), list: Array.from({ length: 10_000 }, (_, i) => i) }
    await store.append('shop', 0, { entry: entryOf(1), record })
    expect((await store.load('shop'))?.record).toEqual(record)
  })
}

function closes(open: Open): void {
  test('a closed store is unavailable, and may be closed again', async () => {
    const { store } = await opened(open)
    await fill(store, 'shop', 1)
    await store.close()
    await store.close()

    const uses = [
      store.append('shop', 1, changeTo(2)),
      store.load('shop'),
      store.list(),
      store.history('shop', ALL),
      store.head(),
      take(store, { after: 0, count: 1 }),
    ]
    for (const end of await Promise.allSettled(uses)) {
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'STORE_UNAVAILABLE' } })
    }
  })

  test('a durable store that is opened again has everything, and goes on counting', async ({ skip }) => {
    const { store, reopen } = await opened(open)
    if (reopen === undefined) return skip('it does not outlive its process')
    expect(store.durability).not.toBe('none')
    await fill(store, 'shop', 3)
    await fill(store, 'other', 2)
    const before = await contents(store)
    await store.close()

    const again = await reopen()
    expect(await contents(again)).toEqual(before)
    await expect(again.append('shop', 2, changeTo(3))).rejects.toMatchObject(CONFLICT)
    const stored = await again.append('shop', 3, changeTo(4))
    expect(stored.seq).toBe(4)
    expect(await take(again, { after: before.head, count: 1 })).toEqual([stored])
  })
}
