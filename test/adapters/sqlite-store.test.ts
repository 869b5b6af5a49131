import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

import { describe, expect, test } from 'vitest'

import { requireSqlite } from '../../src/adapters/sqlite-store/driver.ts'
import { failed } from '../../src/adapters/sqlite-store/failures.ts'
import { sqliteStore } from '../../src/adapters/sqlite-store/index.ts'
import type { Store, StoredEntry } from '../../src/engine/ports.ts'
import { storeContract } from '../../src/testing/store-contract.ts'
import { ALL, changeTo, contents, fill, take } from '../../src/testing/store-rig.ts'

const MAIN = fileURLToPath(new URL('./sqlite-store-main.ts', import.meta.url))

const RACE = new URL('./sqlite-store-race.ts', import.meta.url)

/** A directory that is gone when the test ends, and stores on one file in it that are closed then. */
async function scratch() {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-store-'))
  const path = join(dir, 'store.db')
  const stores: Store[] = []
  const openStore = (at = path): Store => {
    const store = sqliteStore({ path: at })
    stores.push(store)
    return store
  }
  return {
    dir,
    path,
    open: openStore,
    [Symbol.asyncDispose]: async () => {
      for (const store of stores) await store.close()
      await rm(dir, { recursive: true })
    },
  }
}

storeContract('the SQLite store', async () => {
  const place = await scratch()
  return {
    store: place.open(),
    reopen: async () => place.open(),
    [Symbol.asyncDispose]: async () => place[Symbol.asyncDispose](),
  }
})

interface Acknowledged {
  readonly seq: number
  readonly event: string
}

/** A process that appends; killed, when it still runs at the end of the test. */
function appender(path: string, { service = 'shop', times = 1_000_000, limit = '' } = {}) {
  const args = limit === '' ? [MAIN] : ['-c', `${limit}; exec "$0" "$@"`, process.execPath, MAIN]
  const size = limit === '' ? '0' : '1500000'
  const child = spawn(limit === '' ? process.execPath : 'sh', [...args, path, service, String(times), size])
  let [output, errors] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const closed = once(child, 'close')
  return {
    /** Whole lines only: what was cut off was not acknowledged. */
    acknowledged: (): Acknowledged[] =>
      output
        .split('\n')
        .slice(0, -1)
        .map((line): Acknowledged => JSON.parse(line)),
    said: () => output,
    errors: () => errors,
    kill: () => child.kill('SIGKILL'),
    ended: async (): Promise<unknown> => closed,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await closed
    },
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}

function placesOf(entries: readonly StoredEntry[]): Acknowledged[] {
  return entries.map(({ seq, event }) => ({ seq, event: String(event) }))
}

describe('two processes on one file', () => {
  test('get each version exactly once, and a watcher in a third sees all of it without a gap', async () => {
    await using place = await scratch()
    const each = 150
    await using first = appender(place.path, { times: each })
    await using second = appender(place.path, { times: each })
    const store = place.open()
    const seen = await take(store, { after: 0, count: 2 * each })
    await Promise.all([first.ended(), second.ended()])

    expect(first.errors() + second.errors()).toBe('')
    const acknowledged = [...first.acknowledged(), ...second.acknowledged()].toSorted((a, b) => a.seq - b.seq)
    expect(acknowledged.map(({ seq }) => seq)).toEqual(upTo(2 * each))
    expect(placesOf(seen)).toEqual(acknowledged)
    expect(await store.load('shop')).toMatchObject({ version: 2 * each })
  })

  test('may make it at the same moment', async () => {
    await using place = await scratch()
    await using first = appender(place.path, { times: 5 })
    await using second = appender(place.path, { times: 5 })
    await using third = appender(place.path, { times: 5 })
    await Promise.all([first.ended(), second.ended(), third.ended()])
    expect(first.errors() + second.errors() + third.errors()).toBe('')
    expect((await place.open().history('shop', ALL)).map(({ seq }) => seq)).toEqual(upTo(15))
  })

  test('wait for each other when all of them make it at the very same moment', async () => {
    await using place = await scratch()
    const rounds = 100
    const started = new Int32Array(new SharedArrayBuffer(4))
    const workerData = { dir: place.dir, rounds, started }
    const threads = upTo(4).map(() => new Worker(RACE, { workerData }))
    const answers = async (): Promise<unknown[]> =>
      Promise.all(threads.map(async (thread) => (await once(thread, 'message')).at(0)))
    await answers()
    let failures: unknown[] = []
    for (const round of upTo(rounds)) {
      const over = answers()
      Atomics.store(started, 0, round)
      Atomics.notify(started, 0)
      failures = await over
    }
    expect(failures.flat()).toEqual([])
    await Promise.all(threads.map(async (thread) => thread.terminate()))
  })

  test('that is closed by one is whole for the other', async () => {
    await using place = await scratch()
    const store = place.open()
    await fill(store, 'mine', 3)
    await using other = appender(place.path, { service: 'theirs', times: 3 })
    await other.ended()
    await store.append('mine', 3, changeTo(4))
    expect((await store.list()).map(({ service, version }) => `${service}${version}`)).toEqual([
      'mine4',
      'theirs3',
    ])
  })
})

test('a process that is killed while it appends loses nothing that it acknowledged', async () => {
  await using place = await scratch()
  let before = 0
  for (let round = 1; round <= 6; round++) {
    await using victim = appender(place.path)
    const enough = 20 * round
    await expect
      .poll(() => victim.acknowledged().length, { timeout: 60_000, interval: 1 })
      .toBeGreaterThan(enough)
    victim.kill()
    await victim.ended()

    const store = place.open()
    const found = placesOf(await store.history('shop', ALL))
    const acknowledged = victim.acknowledged()
    expect(found.map(({ seq }) => seq)).toEqual(upTo(found.length))
    expect(found.slice(before, before + acknowledged.length)).toEqual(acknowledged)
    // At most the one that was under way may be there, too.
    expect(found.length - before - acknowledged.length).toBeLessThanOrEqual(1)
    const record = { event: found.at(-1)?.event, text: '' }
    expect(await store.load('shop')).toEqual({ service: 'shop', version: found.length, record })
    before = found.length
    await store.close()
  }
})

test.skipIf(process.platform === 'win32')(
  'a commit that fails is ambiguous, and the service can be compared',
  async () => {
    await using place = await scratch()
    await fill(place.open(), 'shop', 2)
    // No file may grow beyond a megabyte: the write-ahead file meets that at the commit, as the cache holds a little more.
    await using limited = appender(place.path, { times: 3, limit: 'ulimit -f 1024' })
    await limited.ended()
    expect(limited.errors()).toBe('')
    expect(JSON.parse(limited.said())).toEqual({ code: 'STORE_AMBIGUOUS', version: 2 })
    expect(await place.open().append('shop', 2, changeTo(3))).toMatchObject({ seq: 3 })
  },
)

/** What opening a file is refused with. Nothing in it names the machine's directories. */
function refusal(path: string, dir: string): unknown {
  try {
    void sqliteStore({ path }).close()
  } catch (error) {
    if (error instanceof Error) expect(error.message).not.toContain(dir)
    return error
  }
  return 'it was opened'
}

const DAMAGED = { name: 'AdapterError', code: 'STORE_CORRUPT', hint: expect.stringContaining('copy') }

describe('a file that can’t be used', () => {
  test.each([
    ['text', Buffer.from('this is no database\n'.repeat(500))],
    ['zeros', Buffer.alloc(16_384)],
    ['one byte', Buffer.from('x')],
    ['the beginning of a database', Buffer.from('SQLite format 3\0')],
  ])('is damaged when it is %s, and is not touched', async (_, bytes) => {
    await using place = await scratch()
    await writeFile(place.path, bytes)
    expect(refusal(place.path, place.dir)).toMatchObject(DAMAGED)
    expect(await readFile(place.path)).toEqual(bytes)
  })

  test('is another program’s when it is its database, and is not touched', async () => {
    await using place = await scratch()
    const db = new DatabaseSync(place.path)
    db.exec('CREATE TABLE cats (name TEXT)')
    db.close()
    const before = await readFile(place.path)
    expect(refusal(place.path, place.dir)).toMatchObject({
      code: 'STORE_CORRUPT',
      message: /another program/,
    })
    expect(await readFile(place.path)).toEqual(before)
  })

  test('is a newer Sluice’s when its schema is newer, and is not touched', async () => {
    await using place = await scratch()
    await place.open().close()
    const db = new DatabaseSync(place.path)
    db.exec('PRAGMA user_version = 2')
    db.close()
    const before = await readFile(place.path)
    expect(refusal(place.path, place.dir)).toMatchObject({
      code: 'STORE_CORRUPT',
      message: "the store can't be used: its file has schema 2, and this Sluice knows 1",
      hint: expect.stringContaining('newer Sluice'),
    })
    expect(await readFile(place.path)).toEqual(before)
  })

  test.each([0.5, 0.9, 0.1])('is damaged when %f of it is left', async (part) => {
    await using place = await scratch()
    const store = place.open()
    await fill(store, 'shop', 300)
    await store.close()
    await truncate(place.path, Math.floor((await stat(place.path)).size * part))
    expect(refusal(place.path, place.dir)).toMatchObject(DAMAGED)
  })

  test('is damaged when a page in its middle is gone', async () => {
    await using place = await scratch()
    const store = place.open()
    await fill(store, 'shop', 300)
    await store.close()
    const file = await open(place.path, 'r+')
    await file.write(Buffer.alloc(4_096, 0xff), 0, 4_096, 4_096 * 2)
    await file.close()
    expect(refusal(place.path, place.dir)).toMatchObject(DAMAGED)
  })

  test.each(['emptied', 'deleted'])(
    'is damaged when it was %s and only its write-ahead file is left',
    async (how) => {
      await using place = await scratch()
      const store = place.open()
      await fill(store, 'shop', 3)
      const copy = join(place.dir, 'copy.db')
      await copyFile(`${place.path}-wal`, `${copy}-wal`)
      if (how === 'emptied') await writeFile(copy, '')
      const ahead = await readFile(`${copy}-wal`)
      expect(refusal(copy, place.dir)).toMatchObject(DAMAGED)
      expect(await readFile(`${copy}-wal`)).toEqual(ahead)
    },
  )

  test('is damaged when its tables are gone, or a row is no JSON', async () => {
    await using place = await scratch()
    const store = place.open()
    await fill(store, 'shop', 1)
    const db = new DatabaseSync(place.path)
    db.exec(`UPDATE services SET record = '{"n":'; UPDATE entries SET entry = '{}'`)
    await expect(store.load('shop')).rejects.toMatchObject(DAMAGED)
    await expect(store.history('shop', ALL)).rejects.toMatchObject(DAMAGED)
    await store.close()
    db.exec('DROP TABLE services')
    db.close()
    expect(refusal(place.path, place.dir)).toMatchObject(DAMAGED)
  })
})

describe('a place that can’t be used', () => {
  test('is unavailable when there is a file instead of a directory', async () => {
    await using place = await scratch()
    await writeFile(join(place.dir, 'file'), '')
    const expected = { name: 'AdapterError', code: 'STORE_UNAVAILABLE', cause: expect.any(Error) }
    expect(refusal(join(place.dir, 'file', 'store.db'), place.dir)).toMatchObject(expected)
    expect(refusal(join(place.dir, 'file', 'deep', 'store.db'), place.dir)).toMatchObject(expected)
  })

  test('is unavailable when there is a directory instead of the file', async () => {
    await using place = await scratch()
    await mkdir(place.path)
    expect(refusal(place.path, place.dir)).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      hint: expect.any(String),
    })
  })

  test.skipIf(process.getuid?.() === 0)('is unavailable when its directory is read-only', async () => {
    await using place = await scratch()
    await chmod(place.dir, 0o500)
    expect(refusal(place.path, place.dir)).toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await chmod(place.dir, 0o700)
  })

  test('is unavailable while another program holds the file, and then again is not', async () => {
    await using place = await scratch()
    const store = place.open()
    const db = new DatabaseSync(place.path)
    db.exec('BEGIN IMMEDIATE')
    const expected = { code: 'STORE_UNAVAILABLE', message: /another process/, cause: expect.any(Error) }
    await expect(store.append('shop', 0, changeTo(1))).rejects.toMatchObject(expected)
    db.exec('ROLLBACK')
    db.close()
    expect(await store.append('shop', 0, changeTo(1))).toMatchObject({ seq: 1 })
  })

  test.each(['open', 'write', 'commit'] as const)(
    'is unavailable when its disk is full at %s',
    async (deed) => {
      await using place = await scratch()
      const db = new DatabaseSync(place.path)
      db.exec('CREATE TABLE t (x); PRAGMA max_page_count = 2')
      const expected = { code: 'STORE_UNAVAILABLE', message: /disk is full/, cause: expect.any(Error) }
      try {
        db.exec('INSERT INTO t VALUES (zeroblob(100000))')
        expect.unreachable()
      } catch (error) {
        expect(failed(deed, error)).toMatchObject(expected)
      } finally {
        db.close()
      }
    },
  )

  test.each(['', ':memory:', 'a\0b'])('is a mistake when it is %j', (path) => {
    expect(() => sqliteStore({ path })).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'ARGUMENT_INVALID', hint: expect.any(String) }),
    )
  })
})

describe('a new file', () => {
  test.skipIf(process.platform === 'win32')('and its new directories are for their owner only', async () => {
    await using place = await scratch()
    const path = join(place.dir, 'a', 'b', 'store.db')
    await fill(place.open(path), 'shop', 1)
    const modes = ['a', 'a/b', 'a/b/store.db', 'a/b/store.db-wal', 'a/b/store.db-shm'].map(async (name) => {
      const { mode } = await stat(join(place.dir, name))
      return (mode & 0o777).toString(8)
    })
    expect(await Promise.all(modes)).toEqual(['700', '700', '600', '600', '600'])
  })

  test('survives power cuts by its settings', async () => {
    await using place = await scratch()
    const store = place.open()
    expect(store.durability).toBe('power')
    await fill(store, 'shop', 1)
    const db = new DatabaseSync(place.path, { readOnly: true })
    expect(db.prepare('PRAGMA journal_mode').get()).toMatchObject({ journal_mode: 'wal' })
    db.close()
  })
})

test('stores on one file in one process see each other', async () => {
  await using place = await scratch()
  const [one, other] = [place.open(), place.open()]
  const watching = take(one, { after: 0, count: 3 })
  await fill(other, 'shop', 3)
  expect((await watching).map(({ seq }) => seq)).toEqual([1, 2, 3])
  await expect(one.append('shop', 2, changeTo(3))).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
  await other.close()
  await one.append('shop', 3, changeTo(4))
  expect((await contents(one)).entries).toHaveLength(4)
})

test.each(['3.51.3', '3.51.10', '3.52.0', '4.0.0'])('SQLite %s is new enough', (version) => {
  expect(() => requireSqlite(version)).not.toThrow()
})

test.each(['3.51.2', '3.50.9', '3.9.99', '2.99.99', '', 'x', undefined])('SQLite %j is not', (version) => {
  expect(() => requireSqlite(version)).toThrow(
    expect.objectContaining({
      code: 'RUNTIME_UNSUPPORTED',
      hint: expect.stringMatching(/22\.22\.3.*24\.15\.0/),
    }),
  )
})
