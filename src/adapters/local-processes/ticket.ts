// A start that can't be lost. A controller may be killed between starting a process and writing down its pid; so the
// process does that itself, before it becomes the program. Its permission to is a directory that the next controller takes
// away with one rename: either the process was there before, and is known, or it ends without having been anything.
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Leader } from './group.ts'
import type { ProcessTable } from './process-table.ts'

const ENDING = '.ticket'
const WITHDRAWN = '.withdrawn'

/** Issues a ticket in a directory; its name. */
export async function issueTicket(dir: string, table: ProcessTable): Promise<string> {
  const ticket = `${randomUUID()}${ENDING}`
  await mkdir(join(dir, ticket), { recursive: true, mode: 0o700 })
  await writeFile(join(dir, ticket, 'machine'), await table.machine(), { mode: 0o600 })
  return ticket
}

/**
 * What `/bin/sh -c` has to do with the ticket's path and the program with its arguments: it says who it is, uses the ticket
 * and becomes the program. Only what the shell has built in, for the program's PATH is not ours.
 */
export function useTicket({ lookAtSelf }: ProcessTable): string {
  return `{ ${lookAtSelf} && printf '%s\\n' "$s" >"$0/start" && true >"$0/used"; } 2>/dev/null && exec "$@"`
}

/** The process that used a ticket; null when none has, yet. */
export async function userOf(path: string, table: ProcessTable): Promise<Leader | null> {
  try {
    await readFile(join(path, 'used'))
    // It was used after this was written.
    const self = table.parse(await readFile(join(path, 'start'), 'utf8'))
    const machine = await readFile(join(path, 'machine'), 'utf8')
    return self === null ? null : { pid: self.pid, start: self.start, machine }
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/** The process that used a ticket; null when none has: then none ever will. */
export async function withdraw(path: string, table: ProcessTable): Promise<Leader | null> {
  const user = await userOf(path, table)
  if (user !== null) return user
  const withdrawn = path.endsWith(WITHDRAWN) ? path : `${path}${WITHDRAWN}`
  try {
    if (withdrawn !== path) await rename(path, withdrawn)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  return userOf(withdrawn, table)
}

/** Throws a ticket away: whoever used it has ended. */
export async function discard(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
  await rm(`${path}${WITHDRAWN}`, { recursive: true, force: true })
}

/** The names of all tickets in a directory. */
export async function ticketsIn(dir: string): Promise<readonly string[]> {
  const names = await readdir(dir).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
  return names.filter((name) => name.endsWith(ENDING) || name.endsWith(ENDING + WITHDRAWN))
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}
