// What the system says about processes. A pid alone names nothing: it is given to another process as soon as it is free.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'

/** One look at a process. */
export interface Sighting {
  readonly pid: number
  /** Its process group, named by the pid of the first process in it. */
  readonly group: number
  /** When it was started, in the system's own words: with the pid it names the process for good. */
  readonly start: string
  /** Dead also means ended and not yet waited for by whoever started it. */
  readonly state: 'running' | 'dead'
}

export interface ProcessTable {
  /** A line of POSIX shell that sets `s` to what `parse` understands, for the shell itself. */
  readonly lookAtSelf: string
  /** Null for what is no such line. */
  parse(line: string): Sighting | null
  look(pid: number): Promise<Sighting | null>
  all(): Promise<readonly Sighting[]>
  /** Names this run of this machine, or of this container: what `start` means in another one is something else. */
  machine(): Promise<string>
}

/** The table of this system: `/proc` where there is one, `ps` elsewhere. */
export function processTable(): ProcessTable {
  return existsSync('/proc/self/stat') ? procTable : psTable
}

export const procTable: ProcessTable = {
  lookAtSelf: 'read -r s </proc/$$/stat',
  parse: parseStat,
  async look(pid) {
    return parseStat(await readFile(`/proc/${pid}/stat`, 'utf8').catch(nothingIfGone))
  },
  async all() {
    const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0)
    return present(await Promise.all(pids.map(async (pid) => this.look(pid))))
  },
  async machine() {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`
  },
}

/** Anything else than that there is no such process, or none of ours, must not be taken for a death. */
function nothingIfGone(error: unknown): string {
  if (error instanceof Error && 'code' in error && /^(?:ENOENT|ESRCH|EACCES|EPERM)$/.test(String(error.code)))
    return ''
  throw error
}

/** Fields after the name, which is in brackets and may hold anything (proc_pid_stat(5)). */
const STATE = 0
const GROUP = 2
const START = 19

function parseStat(line: string): Sighting | null {
  const fields = line
    .slice(line.lastIndexOf(')') + 1)
    .trim()
    .split(' ')
  const start = fields[START]
  if (start === undefined) return null
  const state = isDead(fields[STATE]) ? 'dead' : 'running'
  return { pid: Number.parseInt(line), group: Number(fields[GROUP]), start, state }
}

/** The same time and language for everyone: the words are compared. */
const PS_ENV = { TZ: 'UTC', LC_ALL: 'C' }
/** One option for each: with a comma, POSIX takes the rest for the heading of the first. */
const PS_COLUMNS = '-o pid= -o pgid= -o stat= -o lstart='
const PS_LINE = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S.*?)\s*$/

export const psTable: ProcessTable = {
  lookAtSelf: `s=$(TZ=UTC LC_ALL=C /bin/ps ${PS_COLUMNS} -p $$)`,
  parse: parsePs,
  async look(pid) {
    return parsePs(await ps('-p', String(pid)))
  },
  async all() {
    return present((await ps('-A')).split('\n').map(parsePs))
  },
  // Its start is a date, and the same in every run of the machine.
  machine: async () => hostname(),
}

function parsePs(line: string): Sighting | null {
  const [, pid, group, state, start] = PS_LINE.exec(line) ?? []
  if (start === undefined) return null
  return { pid: Number(pid), group: Number(group), start, state: isDead(state) ? 'dead' : 'running' }
}

/** Says nothing where there is no such process, which is also its exit code 1. */
function ps(...which: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = [...PS_COLUMNS.split(' '), ...which]
    execFile('/bin/ps', args, { env: PS_ENV, maxBuffer: 1 << 26 }, (error, stdout) => {
      if (error === null || error.code === 1) resolve(stdout)
      else reject(error)
    })
  })
}

function isDead(state: string | undefined): boolean {
  return state === undefined || /^[ZX]/i.test(state)
}

function present<T>(found: readonly (T | null)[]): readonly T[] {
  return found.filter((each) => each !== null)
}
