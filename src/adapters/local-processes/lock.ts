// One platform at a time works in a directory. A lock is a numbered file that names its holder; the newest one counts, it is
// only ever followed by the next number, and a file can be made by one only. So nobody has to take away the lock of somebody
// who has died, which is where two would get in each other's way.
import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { type Leader, leads } from './group.ts'
import type { ProcessTable } from './process-table.ts'

export interface Lock {
  release(): Promise<void>
}

/** The lock of a directory, or the pid of the process that holds it; 0 when that is not known yet. */
export async function takeLock(dir: string, table: ProcessTable): Promise<Lock | number> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const newest = Math.max(0, ...(await numbersIn(dir)))
  const holder = newest === 0 ? null : await holderOf(pathOf(dir, newest))
  if (holder !== null && (await leads(table, holder))) return holder.pid
  const mine = newest + 1
  if (!(await create(dir, mine, await myself(table)))) return 0
  const numbers = await numbersIn(dir)
  if (numbers.some((other) => other > mine)) {
    await rm(pathOf(dir, mine), { force: true })
    return 0
  }
  const older = numbers.filter((other) => other < mine)
  await Promise.all(older.map(async (other) => rm(pathOf(dir, other), { force: true })))
  return { release: async () => replace(dir, mine) }
}

/** False when somebody was faster. */
async function create(dir: string, number: number, holder: Leader): Promise<boolean> {
  const draft = join(dir, randomUUID())
  await writeFile(draft, JSON.stringify(holder), { mode: 0o600 })
  try {
    await link(draft, pathOf(dir, number))
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/** A lock that was given back stays, and names nobody: its number is not to be used again. */
async function replace(dir: string, number: number): Promise<void> {
  const draft = join(dir, randomUUID())
  await writeFile(draft, '{}', { mode: 0o600 })
  await rename(draft, pathOf(dir, number))
}

async function myself(table: ProcessTable): Promise<Leader> {
  const seen = await table.look(process.pid)
  if (seen === null) throw new Error('this process is not in the table of processes')
  return { pid: seen.pid, start: seen.start, machine: await table.machine() }
}

/** Null for one that was given back, and for one that was torn by a power cut, which its holder has not survived. */
async function holderOf(path: string): Promise<Leader | null> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    const { pid, start, machine }: Partial<Leader> = Object(value)
    return pid === undefined || start === undefined || machine === undefined ? null : { pid, start, machine }
  } catch {
    return null
  }
}

async function numbersIn(dir: string): Promise<readonly number[]> {
  const found = (await readdir(dir)).map((file) => /^(\d+)\.lock$/.exec(file)?.[1])
  return found.filter((number) => number !== undefined).map(Number)
}

function pathOf(dir: string, number: number): string {
  return join(dir, `${number}.lock`)
}
