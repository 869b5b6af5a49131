// Where the file is, before SQLite sees it.
import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

import { UsageError } from '../../errors.ts'
import { corrupt } from './failures.ts'

/** In bytes; SQLite takes a smaller file for a new one. */
const SMALLEST_PAGE = 512

/** @throws UsageError `ARGUMENT_INVALID` for what can't be a path of a file */
export function checkPath(path: string): string {
  if (typeof path === 'string' && path !== '' && path !== ':memory:' && !path.includes('\0'))
    return resolve(path)
  throw new UsageError('ARGUMENT_INVALID', 'sqliteStore: path: expected the path of a file', {
    hint: "Name a file, for example '.sluice/store.db'; for a store in memory there is memoryStore()",
  })
}

/**
 * Makes the file where there is none, in a directory that may be missing, both for their owner only.
 * @throws AdapterError `STORE_CORRUPT` for a stump that SQLite would overwrite, and for a write-ahead file without its file,
 *   which it would delete
 */
export function makeFile(path: string): void {
  makeDirectory(dirname(path))
  // In this order: whoever makes the file at this moment writes to it before there is a write-ahead file.
  const [ahead, main] = [sizeOf(`${path}-wal`), sizeOf(path)]
  if (ahead > 0 && main === 0)
    throw corrupt('its file is empty or gone, and only the write-ahead file is left')
  if (main > 0 && main < SMALLEST_PAGE) throw corrupt('its file is damaged, or is no database')
  // An existing file is not even opened: closing it would take away the locks that this process may hold on it.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) createEmpty(path)
}

function createEmpty(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    // Someone else was faster.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** The names of new directories are made durable, too: a file is only as safe as the way to it. */
function makeDirectory(dir: string): void {
  const first = mkdirSync(dir, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let at = dir; at.length >= dirname(first).length; at = dirname(at)) {
    syncDirectory(at)
    if (at === dirname(at)) return
  }
}

function syncDirectory(dir: string): void {
  const handle = openSync(dir, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
