import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'

import type { Cancellable, ProbeSpec } from '../../engine/ports.ts'
import { AdapterError, UsageError } from '../../errors.ts'
import { fill } from './fill.ts'
import { type Finding, healthy, type Target, unhealthy } from './finding.ts'
import { portOf } from './port.ts'

type CommandSpec = Extract<ProbeSpec, { kind: 'command' }>

/** What a program needs of its surroundings; secrets of the controller's environment are not among it. */
const ENV = ['PATH', 'TMPDIR', 'TZ', 'LANG', 'SystemRoot', 'TEMP']
/** How much of the end of what it says is kept. */
const TAIL = 4_096
/** What a program said lies in a pipe when it has ended; one that gave the pipe away is not waited for. */
const LAST_WORDS_MS = 1_000
const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such program'],
  ['EACCES', 'it may not be run'],
  ['E2BIG', 'its arguments are too long'],
  ['ERR_INVALID_ARG_VALUE', 'its arguments hold what no program can be told'],
])

/**
 * Runs a program, without a shell and with next to nothing of our environment: 0 is healthy, anything else is not. Whatever
 * is left of its process group is killed when it ends and when it is given up.
 * @throws UsageError `ARGUMENT_INVALID` for a command that is none
 * @throws AdapterError `PROBE_FAILED` when the program can't be started
 */
export async function probeCommand(
  { command }: CommandSpec,
  target: Target,
  { signal }: Cancellable,
): Promise<Finding> {
  const child = start(filled(command, target))
  let said = Buffer.alloc(0)
  const hear = (bytes: Buffer): void => {
    said = Buffer.concat([said, bytes]).subarray(-TAIL)
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  try {
    const { code, by } = await ending(child, signal)
    if (code === 0) return healthy('ended with 0')
    const line = lastLineOf(said.toString())
    const end = by === null ? `ended with ${code}` : `killed by ${by}`
    return unhealthy(line === '' ? end : `${end}: ${line}`)
  } finally {
    child.stdout.destroy()
    child.stderr.destroy()
  }
}

function filled(command: readonly string[], { version, endpoint }: Target): readonly string[] {
  const isCommand =
    Array.isArray(command) && command.every((part) => typeof part === 'string') && (command[0] ?? '') !== ''
  if (!isCommand) throw new UsageError('ARGUMENT_INVALID', 'command: expected a program and its arguments')
  const { host, port } = portOf(endpoint.url)
  const values = { version, url: endpoint.url, host, port: String(port), instance: endpoint.instance }
  return command.map((part: string) => fill(part, values))
}

type Child = ChildProcessByStdio<null, Readable, Readable>

function start([program = '', ...args]: readonly string[]): Child {
  try {
    return spawn(program, args, {
      // The leader of a group of its own: what it starts can be ended with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: Object.fromEntries(ENV.map((key) => [key, process.env[key]])),
    })
  } catch (cause) {
    throw notStarted(cause)
  }
}

interface Ending {
  readonly code: number | null
  readonly by: string | null
}

/** Resolves when the program has ended and its last words were heard; then, or when it is given up, its group is gone. */
async function ending(child: Child, signal: AbortSignal): Promise<Ending> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const stop = (): void => {
      if (child.exitCode === null && child.signalCode === null) killGroup(child)
      clearTimeout(timer)
      reject(signal.reason)
    }
    const done = (end: Ending): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      resolve(end)
    }
    signal.addEventListener('abort', stop, { once: true })
    child.once('error', (cause) => {
      signal.removeEventListener('abort', stop)
      reject(notStarted(cause))
    })
    child.once('exit', (code, by) => {
      killGroup(child)
      if (code === 0) done({ code, by })
      else timer = setTimeout(done, LAST_WORDS_MS, { code, by })
    })
    child.once('close', (code, by) => done({ code, by }))
  })
}

/** The program and all that it started and that stayed in its group. */
function killGroup({ pid }: Child): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}

function lastLineOf(text: string): string {
  return text.split(/[\r\n]+/).findLast((line) => line.trim() !== '') ?? ''
}

function notStarted(cause: unknown): AdapterError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const why = REASONS.get(code) ?? code
  return new AdapterError('PROBE_FAILED', `the program can't be started: ${why}`, { cause })
}
