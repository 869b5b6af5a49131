import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  embeddedProxy,
  type EmbeddedProxy,
  type EmbeddedProxyOptions,
} from '../../../src/adapters/embedded-proxy/index.ts'

export interface OpenProxy extends EmbeddedProxy, AsyncDisposable {
  readonly stateDir: string
}

/** A proxy process with a directory of its own; both are gone when the scope ends. */
export async function proxyInItsDirectory(options: Partial<EmbeddedProxyOptions> = {}): Promise<OpenProxy> {
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), 'sp-')))
  const proxy = embeddedProxy({ logLevel: 'info', ...options, stateDir })
  return {
    ...proxy,
    stateDir,
    async [Symbol.asyncDispose]() {
      await proxy.stop({ signal: AbortSignal.timeout(30_000) })
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}

/** The process id of the proxy of a directory. */
export async function pidIn(stateDir: string): Promise<number> {
  const { pid }: { pid: number } = JSON.parse(await readFile(join(stateDir, 'proxy.json'), 'utf8'))
  return pid
}

/** Whether a process runs (a dead one that nobody has waited for yet does not). */
export async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat !== '' && !/\) Z /.test(stat)
}
