// The layout of the file, and whether a file is ours at all: nothing is changed in it before that is known.
import type { Database } from './driver.ts'
import { corrupt } from './failures.ts'
import { whole } from './rows.ts'

/** 'SLCE', in the place that a SQLite file has for the program it belongs to. */
const APPLICATION_ID = 0x53_4c_43_45
const SCHEMA_VERSION = 1

const SCHEMA = `
  CREATE TABLE entries (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    service TEXT NOT NULL,
    seq INTEGER NOT NULL,
    entry TEXT NOT NULL,
    UNIQUE (service, seq)
  ) STRICT;
  CREATE TABLE services (
    service TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`

const BUSY_MS = 5_000

/**
 * Makes a database that was just opened ready for use, and its schema where it has none.
 * @throws AdapterError `STORE_CORRUPT` for a file of something else, of a newer Sluice, or a damaged one
 */
export function prepareDatabase(db: Database): void {
  db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
  const found = inTransaction(db, 'DEFERRED', () => identify(db))
  useWriteAheadLog(db)
  db.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
  if (found === 'ours') return checkPages(db)
  inTransaction(db, 'IMMEDIATE', () => {
    if (identify(db) === 'empty') db.exec(SCHEMA)
  })
}

function identify(db: Database): 'empty' | 'ours' {
  const application = whole(db.prepare('PRAGMA application_id').get(), 'application_id')
  const version = whole(db.prepare('PRAGMA user_version').get(), 'user_version')
  const things = whole(db.prepare('SELECT count(*) AS things FROM sqlite_schema').get(), 'things')
  if (application === 0 && version === 0 && things === 0) return 'empty'
  if (application !== APPLICATION_ID) {
    throw corrupt(
      'its file belongs to another program',
      undefined,
      'Use another path: this file was not touched',
    )
  }
  if (version > SCHEMA_VERSION) {
    const what = `its file has schema ${version}, and this Sluice knows ${SCHEMA_VERSION}`
    throw corrupt(what, undefined, 'A newer Sluice wrote it: use that one, or another state directory')
  }
  return 'ours'
}

function checkPages(db: Database): void {
  const [first] = db.prepare('PRAGMA quick_check(1)').all()
  if (first?.['quick_check'] !== 'ok') throw corrupt(`its file is damaged: ${String(first?.['quick_check'])}`)
}

/** Two processes that make one file at the same moment: SQLite refuses one of them at once, instead of waiting. */
function useWriteAheadLog(db: Database): void {
  const deadline = performance.now() + BUSY_MS
  for (;;) {
    try {
      db.exec('PRAGMA journal_mode = WAL')
      return
    } catch (error) {
      const isBusy = error instanceof Error && 'errcode' in error && error.errcode === 5
      if (!isBusy || performance.now() > deadline) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}

function inTransaction<T>(db: Database, kind: 'DEFERRED' | 'IMMEDIATE', work: () => T): T {
  db.exec(`BEGIN ${kind}`)
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}
