import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { onTestFinished } from 'vitest'

import {
  localProcesses,
  type LocalProcesses,
  type LocalProcessesOptions,
} from '../../../src/adapters/local-processes/index.ts'
import type { Deployable, InstanceEvent, Platform, RunSpec } from '../../../src/engine/ports.ts'
import type { Endpoint } from '../../../src/events/rollout-event.ts'
import type { PlatformUnderTest } from '../../../src/testing/platform-contract.ts'
import { eventually } from '../../../src/testing/traffic-rig.ts'

const CONTROLLER = fileURLToPath(new URL('./controller-main.ts', import.meta.url))
const APP = fileURLToPath(new URL('../../kit/app.mjs', import.meta.url))

/** The kit's server, with no special behaviour. */
export const app: RunSpec = {
  command: [process.execPath, APP],
  env: {},
  cwd: '/',
  replicas: 1,
  stopGraceMs: 10_000,
}

export interface OpenPlatform extends PlatformUnderTest {
  readonly stateDir: string
  readonly platform: LocalProcesses
  readonly reopen: () => Promise<LocalProcesses>
}

type Options = Partial<LocalProcessesOptions>

/** A platform with a directory of its own; when the scope ends its processes, then the directory are gone. */
export async function platformInItsDirectory(options: Options = {}): Promise<OpenPlatform> {
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), 'sluice-processes-')))
  const open = (): LocalProcesses => localProcesses({ restartDelay: '10ms', ...options, stateDir })
  let current = open()
  const platform = current
  return {
    stateDir,
    platform,
    run: app,
    async reopen() {
      await current.close()
      current = open()
      return current
    },
    async [Symbol.asyncDispose]() {
      await current.close()
      const last = open()
      await last.stopAll({ signal: AbortSignal.timeout(50_000) })
      await last.close()
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}

/** {@link platformInItsDirectory}, for as long as the test runs. */
export async function opened(options: Options = {}): Promise<OpenPlatform> {
  const under = await platformInItsDirectory(options)
  onTestFinished(async () => under[Symbol.asyncDispose]())
  return under
}

/** The pids of all running processes in whose environment a variable has this value. */
export async function processesWith(name: string, value: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0)
  const found = await Promise.all(pids.map(async (pid) => (await variableOf(pid, name)) === value))
  return pids.filter((_, i) => found[i])
}

async function variableOf(pid: number, name: string): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
  const line = text.split('\0').find((entry) => entry.startsWith(`${name}=`))
  return line?.slice(name.length + 1)
}

/** Whether a process runs (a dead one that nobody has waited for yet does not). */
export async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat !== '' && !/\) [ZX] /.test(stat)
}

/** A controller in a process of its own. */
export interface OtherController {
  readonly pid: number
  /** All it has said, line by line. */
  readonly said: readonly string[]
  /** Kills it, if it still runs, and waits for its end. */
  kill(): Promise<void>
}

/** Starts `controller-main.ts`; it is killed when the test ends. */
export function otherController(
  stateDir: string,
  what: Deployable,
  mishap: 'nothing' | 'frozen' | 'sudden' = 'nothing',
): OtherController {
  const args = [CONTROLLER, stateDir, JSON.stringify(what), mishap]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const said: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => said.push(line))
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  onTestFinished(kill)
  return { pid: child.pid ?? 0, said, kill }
}

/** What an instance answers, once it does. */
export async function answerOf({ url }: Endpoint, path = '/'): Promise<string> {
  return eventually(async () => {
    const answer = await fetch(url + path).catch(() => undefined)
    return answer?.ok === true ? answer.text() : undefined
  })
}

/** All events of a platform from now on. */
export function eventsOf(platform: Platform): InstanceEvent[] {
  const events: InstanceEvent[] = []
  const listening = platform.events$.subscribe((event) => events.push(event))
  onTestFinished(() => listening.unsubscribe())
  return events
}

/** The kit's server as a version of a service with a name that no other test has. */
export function versionOf(run: Partial<RunSpec> = {}): Deployable {
  return { service: `s-${randomUUID()}`, version: 'v1', run: { ...app, ...run } }
}

/** The one process of a service, once there is exactly one. */
export async function pidOf(service: string): Promise<number> {
  return eventually(async () => {
    const [pid, ...others] = await processesWith('SLUICE_SERVICE', service)
    return others.length === 0 ? pid : undefined
  })
}
