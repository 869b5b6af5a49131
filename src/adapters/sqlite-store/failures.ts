// What SQLite says, in the words of the port.
import { AdapterError } from '../../errors.ts'

/** Primary result codes (sqlite.org/rescode.html). */
const CODE = { ERROR: 1, BUSY: 5, LOCKED: 6, CORRUPT: 11, FULL: 13, CONSTRAINT: 19, NOTADB: 26 } as const

const KEEP_A_COPY = 'Keep a copy of the file, and start with another state directory or a backup'

/** What was being done: after a failed commit nobody knows whether it is on the disk. */
export type Deed = 'open' | 'read' | 'write' | 'commit'

/** Any error as the port's own; one that is that already stays as it is. */
export function failed(deed: Deed, cause: unknown): Error {
  if (!(cause instanceof Error) || !isOfTheWorld(cause)) {
    return cause instanceof Error ? cause : new Error(String(cause))
  }
  const code = primaryCode(cause)
  if (isDamage(code)) return corrupt('its file is damaged, or is no database', cause)
  if (code === CODE.FULL)
    return unavailable('the disk is full', cause, 'Free some space: nothing was written')
  if (code === CODE.BUSY || code === CODE.LOCKED) {
    return unavailable('another process holds its file', cause, 'End the other one, or use another directory')
  }
  if (deed !== 'commit') return unavailable(`it can't ${deed} its file`, cause, CHECK_THE_DISK)
  const hint = 'Load the service and compare'
  return new AdapterError('STORE_AMBIGUOUS', 'the store failed while it committed', { cause, hint })
}

/** The file can't be what it has to be. */
export function corrupt(what: string, cause?: unknown, hint = KEEP_A_COPY): AdapterError {
  return new AdapterError('STORE_CORRUPT', `the store can't be used: ${what}`, { cause, hint })
}

const CHECK_THE_DISK = 'Check that the directory is there, can be written, and that its disk is well'

function unavailable(what: string, cause: unknown, hint: string): AdapterError {
  return new AdapterError('STORE_UNAVAILABLE', `the store is unavailable: ${what}`, { cause, hint })
}

/** SQLite's errors and the file system's; anything else is ours, or a bug, and is not reworded. */
function isOfTheWorld(error: Error): boolean {
  return 'errcode' in error || ('syscall' in error && 'code' in error)
}

/** Without the details that SQLite adds in the upper bytes; null for an error that is not SQLite's. */
function primaryCode(error: Error): number | null {
  return 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : null
}

/** A missing table or a broken constraint is damage, too: our statements are right for our schema. */
function isDamage(code: number | null): boolean {
  return code === CODE.CORRUPT || code === CODE.NOTADB || code === CODE.ERROR || code === CODE.CONSTRAINT
}
