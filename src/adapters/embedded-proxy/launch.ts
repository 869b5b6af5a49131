import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { readFile, rename, stat } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { AdapterError } from '../../errors.ts'
import { type Address, type Place, readAddress } from './place.ts'
import { ALREADY_RUNNING, type ProxySettings } from './settings.ts'

/** Works from the sources and from the compiled package: the neighbour has the same extension. */
const MAIN = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url))
const START_MS = 20_000
const POLL_MS = 20
const LARGEST_LOG = 4 << 20
/** What a proxy needs of its surroundings; secrets of the controller's environment are not among it. */
const ENV = ['PATH', 'TMPDIR', 'TZ', 'LANG', 'SystemRoot', 'TEMP']

/** A connection to a running proxy. */
export interface Reached {
  readonly socket: Socket
  readonly address: Address
}

/** Connects to the proxy of this directory; null when none runs. */
export async function reach(place: Place): Promise<Reached | null> {
  const address = await readAddress(place)
  if (address === null) return null
  return new Promise((resolve) => {
    const socket = connect(address.socket)
    socket.once('error', () => resolve(null))
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve({ socket, address })
    })
  })
}

/**
 * Connects to the proxy of this directory, after starting it if none runs.
 * @throws AdapterError `ROUTER_FAILED` when it can't be started
 */
export async function reachOrStart(place: Place, settings: ProxySettings): Promise<Reached> {
  const deadline = performance.now() + START_MS
  let child: ChildProcess | null = null
  for (;;) {
    const reached = await reach(place)
    if (reached !== null) return reached
    if (child !== null && hasEnded(child)) child = await afterEnd(child, place)
    child ??= await start(place, settings)
    if (performance.now() > deadline)
      throw await failed(place, 'none answers, and none could take its place in time')
    await sleep(POLL_MS)
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

/** Someone else's proxy may be just starting, or just ending: then there is no reason to give up. */
async function afterEnd({ exitCode }: ChildProcess, place: Place): Promise<null> {
  if (exitCode !== ALREADY_RUNNING) throw await failed(place, `it ended with ${exitCode ?? 'a signal'}`)
  await sleep(POLL_MS * 10)
  return null
}

async function start(place: Place, settings: ProxySettings): Promise<ChildProcess> {
  mkdirSync(place.dir, { recursive: true, mode: 0o700 })
  await limitLog(place.log)
  // Files, not pipes: a process that writes to a pipe dies with whoever held its other end.
  const log = openSync(place.log, 'a', 0o600)
  const child = spawn(process.execPath, [MAIN, JSON.stringify(settings)], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: place.dir,
    env: Object.fromEntries(ENV.map((key) => [key, process.env[key]])),
  })
  closeSync(log)
  // A failure to spawn at all shows as a child that never answers, with `exitCode` null.
  child.on('error', () => {})
  child.unref()
  return child
}

async function limitLog(path: string): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  )
  if (size > LARGEST_LOG) await rename(path, `${path}.previous`)
}

async function failed({ log }: Place, why: string): Promise<AdapterError> {
  const text = await readFile(log, 'utf8').catch(() => '')
  const last = text.trim().split('\n').slice(-5).join('\n')
  return new AdapterError('ROUTER_FAILED', `the embedded proxy can't be started: ${why}`, {
    cause: last,
    hint: `See ${log}`,
  })
}
