// The control socket of a state directory: how other commands ask the one that runs a rollout. Only the directory's owner
// can use it.
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect as open } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import type { Remote } from '../client/index.ts'
import type { Engine } from '../engine/engine.ts'
import { controlIn } from './place.ts'

/** Unix socket paths end at 107 bytes on Linux, 103 on macOS; longer ones are cut off in silence. */
const LONGEST_SOCKET_PATH = 100

/** Where a running controller is asked; the file is readable by its owner only. */
export interface ControlAddress {
  readonly socket: string
  readonly pid: number
}

/** Serves an engine to the other commands of its state directory, until the engine closes. */
export async function openControl(engine: Engine, stateDir: string): Promise<void> {
  const { serve } = await import('../server/index.ts')
  const before = readAddress(stateDir)
  if (before !== null) removeOwnDirectory(before, stateDir)
  const socket = socketFor(stateDir)
  const served = await serve(engine, { listen: { socket } })
  const address: ControlAddress = { socket, pid: process.pid }
  writeAddress(stateDir, address)
  engine.attach({
    close: async () => {
      rmSync(controlIn(stateDir), { force: true })
      await served.close()
      removeOwnDirectory(address, stateDir)
    },
  })
}

/** Where the controller of a state directory is asked; null when none runs that can be asked. */
export async function findControl(stateDir: string): Promise<ControlAddress | null> {
  const address = readAddress(stateDir)
  return address !== null && (await isAnswered(address.socket)) ? address : null
}

/** A controller that can be asked. */
export interface Control extends AsyncDisposable {
  readonly remote: Remote
}

/** Connects to the controller of a state directory; null when none runs that can be asked. */
export async function reachControl(stateDir: string): Promise<Control | null> {
  const address = await findControl(stateDir)
  if (address === null) return null
  const [{ Agent, fetch }, { connect }] = await Promise.all([import('undici'), import('../client/index.ts')])
  const dispatcher = new Agent({ connect: { socketPath: address.socket } })
  const remote = connect('http://localhost', {
    // Undici's own types of a request and of the global one are two declarations of the same thing.
    fetch: ((url: string, init: object) =>
      fetch(url, { ...init, dispatcher })) as unknown as typeof globalThis.fetch,
  })
  return {
    remote,
    async [Symbol.asyncDispose]() {
      remote.close()
      await dispatcher.destroy()
    },
  }
}

function readAddress(stateDir: string): ControlAddress | null {
  try {
    const value: unknown = JSON.parse(readFileSync(controlIn(stateDir), 'utf8'))
    return isAddress(value) ? value : null
  } catch {
    return null
  }
}

function isAddress(value: unknown): value is ControlAddress {
  return (
    typeof value === 'object' &&
    value !== null &&
    'socket' in value &&
    typeof value.socket === 'string' &&
    'pid' in value &&
    typeof value.pid === 'number'
  )
}

function writeAddress(stateDir: string, address: ControlAddress): void {
  const path = controlIn(stateDir)
  writeFileSync(`${path}.new`, JSON.stringify(address), { mode: 0o600 })
  chmodSync(`${path}.new`, 0o600)
  renameSync(`${path}.new`, path)
}

function socketFor(stateDir: string): string {
  const socket = join(stateDir, 'control.sock')
  if (Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH) return socket
  return join(mkdtempSync(join(tmpdir(), 'sluice-')), 'control.sock')
}

function removeOwnDirectory({ socket }: ControlAddress, stateDir: string): void {
  const dir = dirname(socket)
  const isOurs =
    dir !== stateDir && dirname(dir) === tmpdir() && /^sluice-\w+$/.test(dir.slice(tmpdir().length + 1))
  if (isOurs) rmSync(dir, { recursive: true, force: true })
}

function isAnswered(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const attempt = open(socket)
    const end = (answer: boolean) => () => {
      attempt.destroy()
      resolve(answer)
    }
    attempt.once('connect', end(true)).once('error', end(false))
  })
}
