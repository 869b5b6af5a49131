// The one file that loads `node:sqlite`.
import type * as Sqlite from 'node:sqlite'

import { UsageError } from '../../errors.ts'

export type Database = Sqlite.DatabaseSync

/** The first release in which a write-ahead log that is reset can't damage the file (sqlite.org/wal.html#walresetbug). */
const OLDEST = [3, 51, 3] as const

let loaded: typeof Sqlite | undefined

/**
 * Node's own SQLite, loaded when the first store is opened.
 * @throws UsageError `RUNTIME_UNSUPPORTED` where it is missing or has the WAL-reset bug
 */
export function loadSqlite(): typeof Sqlite {
  loaded ??= loadQuietly()
  return loaded
}

/** @throws UsageError `RUNTIME_UNSUPPORTED` for a version of SQLite that is too old, or none */
export function requireSqlite(version: string | undefined): void {
  if (version !== undefined && isRecent(version.split('.').map(Number))) return
  const found = version === undefined ? 'has no SQLite' : `has SQLite ${version}`
  throw new UsageError('RUNTIME_UNSUPPORTED', `this Node ${found}; the store needs 3.51.3 or newer`, {
    hint: 'Run it with Node 22.22.3 or newer, or with Node 24.15.0 or newer',
  })
}

function isRecent(version: readonly number[]): boolean {
  for (const [i, oldest] of OLDEST.entries()) {
    const part = version[i] ?? 0
    if (part !== oldest) return part > oldest
  }
  return true
}

/** Node 22 calls the module experimental, once, on standard error: a user of ours can do nothing with that. */
function loadQuietly(): typeof Sqlite {
  // oxlint-disable-next-line typescript/unbound-method -- put back as it was, and called on its own object
  const { emitWarning } = process
  process.emitWarning = (...said: readonly unknown[]) => {
    const isThatOne = said[1] === 'ExperimentalWarning' && String(said[0]).startsWith('SQLite ')
    if (!isThatOne) Reflect.apply(emitWarning, process, said)
  }
  try {
    const sqlite: typeof Sqlite | undefined = process.getBuiltinModule('node:sqlite')
    requireSqlite(sqlite && versionOf(sqlite))
    return sqlite
  } finally {
    process.emitWarning = emitWarning
  }
}

/** Of the library that runs, which may be the system's and not the one that Node was built with. */
function versionOf({ DatabaseSync }: typeof Sqlite): string {
  const db = new DatabaseSync(':memory:')
  try {
    return String(db.prepare('SELECT sqlite_version() AS version').get()?.['version'])
  } finally {
    db.close()
  }
}
