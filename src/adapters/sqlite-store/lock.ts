import { loadSqlite } from './driver.ts'
import { makeFile } from './place.ts'

/**
 * Holds a file for this process, by a lock of the kernel's: it ends with the process, however that ends, so it can't be
 * stale. Null when another process, or this one, holds it.
 */
export function holdFile(path: string): { release(): void } | null {
  const { DatabaseSync } = loadSqlite()
  makeFile(path)
  const database = new DatabaseSync(path)
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return { release: () => database.close() }
  } catch {
    database.close()
    return null
  }
}
