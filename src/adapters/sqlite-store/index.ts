import type { Store } from '../../engine/ports.ts'
import { type Database, loadSqlite } from './driver.ts'
import { failed } from './failures.ts'
import { checkPath, makeFile } from './place.ts'
import { prepareDatabase } from './schema.ts'
import { SqliteStore } from './store.ts'

export { holdFile } from './lock.ts'

export interface SqliteStoreOptions {
  /** The file. It is made, with its directory, when it isn't there: readable by its owner only. */
  readonly path: string
}

/**
 * A store in one SQLite file, by Node's own SQLite. What it acknowledged survives a power cut, as far as the disk keeps
 * what it has confirmed; two processes may use one file. A commit keeps the event loop waiting until it is on the disk.
 * @throws UsageError `RUNTIME_UNSUPPORTED` where Node's SQLite is older than 3.51.3; `ARGUMENT_INVALID` for no path
 * @throws AdapterError `STORE_CORRUPT` for a damaged file, one of another program or of a newer Sluice;
 *   `STORE_UNAVAILABLE` when it can't be made, opened or locked
 */
export function sqliteStore({ path }: SqliteStoreOptions): Store {
  const file = checkPath(path)
  const { DatabaseSync } = loadSqlite()
  let db: Database | undefined
  try {
    makeFile(file)
    db = new DatabaseSync(file)
    prepareDatabase(db)
    return new SqliteStore(db)
  } catch (error) {
    db?.close()
    throw failed('open', error)
  }
}
