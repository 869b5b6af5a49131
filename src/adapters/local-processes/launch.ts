import { type ChildProcess, spawn } from 'node:child_process'
import { open } from 'node:fs/promises'

import { messageOf } from '../../errors.ts'
import type { Leader } from './group.ts'
import { cannotStart, type Plan } from './plan.ts'
import type { ProcessTable } from './process-table.ts'
import type { InstanceRecord } from './record.ts'
import { useTicket, userOf } from './ticket.ts'
import { pause } from './waiting.ts'

/** How a process of ours ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: string | null
}

export interface Launched {
  readonly leader: Leader
  /** Resolves when its first process has ended. Never rejects. */
  readonly exited: Promise<Exit>
}

export interface Launch {
  readonly record: InstanceRecord
  readonly plan: Plan
  /** The ticket's path. */
  readonly ticket: string
  readonly log: string
  /** Aborted when the controller lets go: the process is then found by the next one. */
  readonly signal: AbortSignal
}

const POLL_MS = 3
const LONGEST_START_MS = 20_000

/**
 * Starts an instance in a process group of its own; resolves once it is known to whoever looks at its ticket.
 * @throws AdapterError `PLATFORM_FAILED`, with the system's reason
 */
export async function launch(table: ProcessTable, what: Launch): Promise<Launched> {
  const { record, ticket, log, signal } = what
  await using output = await open(log, 'a', 0o600)
  const child = spawnWith(table, what, output.fd)
  // At once: a process may end before the next line that waits for anything.
  const started: Started = { exit: null, error: null }
  const exited = new Promise<Exit>((resolve) => {
    child.on('error', (error) => (started.error = error))
    child.once('exit', (code, by) => resolve((started.exit = { code, signal: by })))
  })
  const deadline = performance.now() + LONGEST_START_MS
  for (;;) {
    // In this order: one that has ended may have been known before.
    const isOver = started.exit !== null || started.error !== null || performance.now() > deadline
    const leader = await userOf(ticket, table)
    if (leader !== null) return { leader, exited }
    if (isOver) break
    await pause(POLL_MS, signal)
  }
  child.kill('SIGKILL')
  throw cannotStart(record, reasonOf(started), 'See its log, and that this machine has room for it')
}

/** What became of a child before it used its ticket. */
interface Started {
  exit: Exit | null
  error: Error | null
}

function reasonOf({ exit, error }: Started): string {
  if (error !== null) return error.message
  return exit === null ? 'it takes too long' : `the shell before it ended with ${exit.code ?? exit.signal}`
}

function spawnWith(table: ProcessTable, { record, plan, ticket }: Launch, log: number): ChildProcess {
  try {
    const args = ['-c', useTicket(table), ticket, plan.program, ...plan.args]
    const child = spawn('/bin/sh', args, {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: plan.cwd,
      env: plan.env,
    })
    child.unref()
    return child
  } catch (error) {
    // Its arguments and its environment together may be too long for the system.
    throw cannotStart(record, messageOf(error), 'Make its arguments and its environment shorter')
  }
}
