// The processes of one instance: a group that its first process leads, and that is signalled as a whole.
import type { ProcessTable } from './process-table.ts'
import { pause } from './waiting.ts'

/** The first process of an instance, so that no other is taken for it. */
export interface Leader {
  readonly pid: number
  readonly start: string
  readonly machine: string
}

const POLL_MS = 10
const LONGEST_POLL_MS = 100

/** Whether the first process itself still runs. */
export async function leads(table: ProcessTable, { pid, start, machine }: Leader): Promise<boolean> {
  if (machine !== (await table.machine())) return false
  const seen = await table.look(pid)
  return seen !== null && seen.start === start && seen.state === 'running'
}

/** Whether anything of the group runs. */
async function groupRuns(table: ProcessTable, leader: Leader): Promise<boolean> {
  const { pid, start, machine } = leader
  if (machine !== (await table.machine())) return false
  const seen = await table.look(pid)
  if (seen?.start === start && seen.state === 'running') return true
  // The system gives no pid away that is still the name of a group: the group is gone.
  if (seen !== null && seen.start !== start) return false
  if (!signalGroup(pid, 0)) return false
  return (await table.all()).some(({ group, state }) => group === pid && state === 'running')
}

/**
 * Ends all processes of a group: asks them, kills them after the grace, and resolves when none runs any more.
 * Rejects only when aborted by the signal.
 */
export async function endGroup(
  table: ProcessTable,
  leader: Leader,
  { graceMs, signal }: { readonly graceMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + graceMs
  let manner: 'new' | 'asked' | 'killed' = 'new'
  // What can't be looked at may run.
  const goesOn = async (): Promise<boolean> => groupRuns(table, leader).catch(() => true)
  for (let pollMs = POLL_MS; await goesOn(); pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)) {
    signal.throwIfAborted()
    const left = deadline - performance.now()
    if (left <= 0) signalGroup(leader.pid, 'SIGKILL')
    else if (manner === 'new') ask(leader.pid)
    manner = left <= 0 ? 'killed' : 'asked'
    await pause(manner === 'asked' ? Math.min(pollMs, left) : pollMs, signal)
  }
}

/** One that was stopped in its tracks could not hear. */
function ask(group: number): void {
  signalGroup(group, 'SIGTERM')
  signalGroup(group, 'SIGCONT')
}

/** Whether there was anybody, alive or dead, to be signalled. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
