import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { onTestFinished } from 'vitest'

import {
  localProcesses,
  type LocalProcesses,
  type LocalProcessesOptions,
} from '../../../src/adapters/local-processes/index.ts'
import type { RunSpec } from '../../../src/engine/ports.ts'
import type { PlatformUnderTest } from '../../../src/testing/platform-contract.ts'

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
