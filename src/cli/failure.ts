// What a person reads when something can't be done: what was wrong, and what to do. Never a stack, unless asked for.
import { randomBytes } from 'node:crypto'
import { appendFileSync, statSync } from 'node:fs'

import { scrub } from '../engine/scrub.ts'
import { AdapterError, messageOf, UsageError } from '../errors.ts'
import { type ExitCode, exitCodeOfError } from './exit-code.ts'
import type { Globals } from './output.ts'
import { stateDirOf, logIn } from './place.ts'
import { plainLines } from './text.ts'

/** An error as `--json` prints it. */
interface ErrorDocument {
  readonly code: string
  readonly message: string
  readonly hint?: string
  /** What is wrong in a rollout file, one by one. */
  readonly problems?: unknown
}

/** Says what went wrong on standard error (with `--json`, on standard output, too), and gives the exit code for it. */
export function report(error: unknown, globals: Globals): ExitCode {
  const said = isExpected(error) ? documentOf(error) : unexpected(error, globals)
  process.stderr.write(`${words(said)}\n`)
  if (globals.debug && error instanceof Error)
    process.stderr.write(`${plainLines(scrub(error.stack ?? ''))}\n`)
  if (globals.json) process.stdout.write(`${JSON.stringify({ error: said }, null, 2)}\n`)
  return exitCodeOfError(error)
}

function words({ message, hint, problems }: ErrorDocument): string {
  const told = hint === undefined ? message : `${message}\nhint: ${hint}`
  // The problems of a file say where and that they are errors themselves.
  return plainLines(problems === undefined ? `error: ${told}` : told)
}

type Expected = UsageError | AdapterError

function isExpected(error: unknown): error is Expected {
  return error instanceof UsageError || error instanceof AdapterError
}

function documentOf(error: Expected): ErrorDocument {
  const { code, hint } = error
  return {
    code,
    message: scrub(error.message),
    ...(hint === undefined ? {} : { hint: scrub(hint) }),
    ...('problems' in error ? { problems: error.problems } : {}),
  }
}

/** A mistake of ours: it gets an id, so that its line in the log is found. */
function unexpected(error: unknown, { stateDir }: Globals): ErrorDocument {
  const id = randomBytes(4).toString('hex')
  const message = `something went wrong that should not have (${id}): ${scrub(messageOf(error))}`
  const log = remember(error, { id, stateDir: stateDirOf(stateDir) })
  const where = log === null ? 'Run it again with --debug to see where' : `See ${log} for ${id}`
  return { code: 'INTERNAL', message, hint: `${where}, and please report it` }
}

/** Where it was written to; null when there is no state directory to write to. */
function remember(
  error: unknown,
  { id, stateDir }: { readonly id: string; readonly stateDir: string },
): string | null {
  const log = logIn(stateDir)
  const stack = scrub(error instanceof Error ? (error.stack ?? error.message) : String(error))
  const line = { level: 60, time: Date.now(), id, msg: 'an unexpected error ended the command', stack }
  try {
    if (!statSync(stateDir).isDirectory()) return null
    appendFileSync(log, `${JSON.stringify(line)}\n`, { mode: 0o600 })
    return log
  } catch {
    return null
  }
}
