// The real command as a child process, in a directory of its own, with everything it started ended with the test.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { onTestFinished } from 'vitest'

import { eventually } from '../../src/testing/traffic-rig.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const SHOP = fileURLToPath(new URL('./shop.mjs', import.meta.url))
/** No command of a test takes longer, whatever goes wrong. */
const LONGEST_MS = 120_000

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  readonly env?: Readonly<Record<string, string>>
  /** Arguments for Node itself. */
  readonly node?: readonly string[]
}

/** A directory to run the command in. */
export interface Workplace {
  readonly dir: string
  readonly stateDir: string
  /** Runs the command to its end. */
  sluice(args: readonly string[], options?: Options): Promise<Ended>
  /** Starts the command. */
  start(args: readonly string[], options?: Options): Running
  /** Writes a rollout file and gives its name. */
  config(lines: readonly string[], name?: string): Promise<string>
}

/** A command that runs. */
export class Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  #stdout = ''
  #stderr = ''

  constructor(args: readonly string[], { dir, env = {}, node = [] }: Options & { readonly dir: string }) {
    this.child = spawn(process.execPath, [...node, MAIN, ...args], {
      cwd: dir,
      env: { ...inherited(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LONGEST_MS,
      killSignal: 'SIGKILL',
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text))
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.ended = once(this.child, 'close').then(([code]) => ({
      code: typeof code === 'number' ? code : -1,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }))
  }

  /** Resolves once it has said `text` on standard error; rejects when it ends before. */
  async says(text: string): Promise<void> {
    await this.#until(() => this.#stderr.includes(text), text)
  }

  /** Resolves once `text` stands in its standard output; rejects when it ends before. */
  async prints(text: string): Promise<void> {
    await this.#until(() => this.#stdout.includes(text), text)
  }

  /** Presses Ctrl-C until `text` stands in its standard output. */
  async insist(text: string): Promise<void> {
    await this.#until(() => this.#stdout.includes(text) || !this.child.kill('SIGINT'), text)
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    await eventually(() => {
      if (holds()) return true
      if (this.child.exitCode === null && this.child.signalCode === null) return false
      throw new Error(`it ended without ${what}:\n${this.#stdout}${this.#stderr}`)
    })
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal)
    if (signal === 'SIGKILL') await this.ended
  }
}

/** What says how to show something is each test's own. */
function inherited(): NodeJS.ProcessEnv {
  const own = ['CI', 'NO_COLOR', 'FORCE_COLOR']
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.includes(name)))
}

/** A new directory with the shop in it; when the test ends, everything that was started in it is ended. */
export async function workplace(name = 'sluice-cli-'): Promise<Workplace> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), name)))
  await cp(SHOP, join(dir, 'shop.mjs'))
  const commands: Running[] = []
  const start = (args: readonly string[], options: Options = {}) => {
    const running = new Running(args, { ...options, dir })
    commands.push(running)
    return running
  }
  onTestFinished(async () => {
    await Promise.all(
      commands.map(async ({ child, ended }) => {
        if (child.exitCode === null) child.kill('SIGKILL')
        await ended
      }),
    )
    if (existsSync(join(dir, '.sluice'))) await start(['down']).ended
    for (const pid of await processesIn(dir)) process.kill(pid, 'SIGKILL')
    await rm(dir, { recursive: true, force: true })
  })
  return {
    dir,
    stateDir: join(dir, '.sluice'),
    start,
    sluice: async (args, options) => start(args, options).ended,
    config: async (lines, file = 'rollout.yaml') => {
      await writeFile(join(dir, file), `${lines.join('\n')}\n`)
      return file
    },
  }
}

/** The processes that run in a directory or below it: what a test started there, and nothing else. */
export async function processesIn(dir: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid)
  const found = await Promise.all(
    pids.map(async (pid) => {
      const cwd = await realpath(`/proc/${pid}/cwd`).catch(() => '')
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
      const isAlive = stat !== '' && !/\) [ZX] /.test(stat)
      return isAlive && (cwd === dir || cwd.startsWith(`${dir}/`)) ? [pid] : []
    }),
  )
  return found.flat()
}

/** Real requests to a service, one after the other, for as long as the scope lasts. */
export class Traffic implements AsyncDisposable {
  /** How many answers came, by status. */
  readonly seen = new Map<number, number>()
  readonly #over = new AbortController()
  readonly #clients: Promise<unknown>

  constructor(url: () => Promise<string | undefined>) {
    this.#clients = Promise.all(Array.from({ length: 4 }, async () => this.#client(url)))
  }

  get failed(): number {
    return this.seen.get(0) ?? 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort()
    await this.#clients
  }

  async #client(url: () => Promise<string | undefined>): Promise<void> {
    let at: string | undefined
    while (!this.#over.signal.aborted) {
      at ??= await url()
      if (at !== undefined) {
        const status = await ask(at)
        this.seen.set(status, (this.seen.get(status) ?? 0) + 1)
      }
      await sleep(15, undefined, { signal: this.#over.signal }).catch(() => {})
    }
  }
}

/** 0 for no answer. */
async function ask(url: string): Promise<number> {
  try {
    const answer = await fetch(url)
    await answer.text()
    return answer.status
  } catch {
    return 0
  }
}
