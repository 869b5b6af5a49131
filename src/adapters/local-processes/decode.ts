// What a caller asks for, looked at before anything is touched.
import type { Deployable, RunSpec } from '../../engine/ports.ts'
import { UsageError } from '../../errors.ts'
import { count, name } from '../../units.ts'

const MOST_REPLICAS = 100
const LONGEST_GRACE_MS = 366 * 24 * 3_600_000
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

/** @throws UsageError `ARGUMENT_INVALID`, naming the part that is wrong */
export function checkDeployable({ service, version, run }: Deployable): void {
  name(service, 'service')
  name(version, 'version')
  checkCommand(run.command)
  for (const [key, value] of Object.entries(run.env)) checkVariable(key, value)
  text(run.cwd, 'run.cwd')
  count(run.replicas, 'run.replicas', { most: MOST_REPLICAS })
  count(run.stopGraceMs, 'run.stopGraceMs', { most: LONGEST_GRACE_MS })
}

function checkCommand(command: RunSpec['command']): void {
  for (const [i, part] of command.entries()) text(part, `run.command[${i}]`)
  if (command[0] !== undefined && command[0] !== '') return
  throw new UsageError('ARGUMENT_INVALID', 'run.command: expected a program, got nothing', {
    hint: "Write program and arguments as a list, for example ['node', 'server.js']",
  })
}

function checkVariable(key: string, value: string): void {
  if (!VARIABLE.test(key)) {
    throw new UsageError('ARGUMENT_INVALID', `run.env: ${JSON.stringify(key)} can't name a variable`, {
      hint: 'Use letters, digits and _, and begin with no digit, for example LOG_LEVEL',
    })
  }
  text(value, `run.env.${key}`)
}

/** What the system can hand to a process. */
function text(value: string, what: string): void {
  if (typeof value === 'string' && !value.includes('\0')) return
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected text without a NUL character`, {
    hint: 'Write it as a string',
  })
}
