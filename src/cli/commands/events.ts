import { toEnvelope } from '../../engine/envelopes.ts'
import type { StoredEntry, Store } from '../../engine/ports.ts'
import { UsageError } from '../../errors.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { openStore } from '../offline.ts'
import type { Output } from '../output.ts'
import { plain } from '../text.ts'
import { eventLine } from '../words-of-event.ts'

export interface EventsCommandOptions {
  /** Goes on with what comes, until it is interrupted. */
  readonly follow?: boolean
  /** Where to start: after this cursor. */
  readonly since?: string
  /** Only this service, or this rollout with its children. */
  readonly rollout?: string
}

/**
 * Prints the journal of a state directory, one event a line; with `--json` each line is a document. Without `--since` it begins
 * at the beginning, or, followed, with what comes next. It is read from the store: no controller is needed.
 */
export async function events(
  options: EventsCommandOptions,
  stateDir: string,
  output: Output,
): Promise<ExitCode> {
  const since = options.since === undefined ? null : cursorOf(options.since)
  const store = await openStore(stateDir)
  if (store === null) {
    output.note(`nothing was released yet in ${plain(stateDir)}`)
    return EXIT.ok
  }
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())
  // Whoever reads through a pipe may have enough.
  process.stdout.once('error', () => interrupted.abort())
  try {
    const head = await store.head()
    const follow = options.follow === true
    const from = since ?? (follow ? head : 0)
    if (follow || from < head)
      await print(
        store,
        { ...options, from, until: follow ? Infinity : head },
        { output, signal: interrupted.signal },
      )
    return EXIT.ok
  } finally {
    await store.close()
  }
}

interface Range extends EventsCommandOptions {
  readonly from: number
  readonly until: number
}

async function print(
  store: Store,
  { from, until, rollout }: Range,
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): Promise<void> {
  for await (const stored of store.watch(from, { signal })) {
    if (isWanted(stored, rollout)) {
      const envelope = toEnvelope(stored)
      process.stdout.write(`${output.json ? JSON.stringify(envelope) : eventLine(envelope)}\n`)
    }
    if (stored.cursor >= until || signal.aborted) return
  }
}

function isWanted({ rollout, service }: StoredEntry, wanted: string | undefined): boolean {
  return wanted === undefined || rollout === wanted || service === wanted || rollout.startsWith(`${wanted}/`)
}

function cursorOf(text: string): number {
  const cursor = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(cursor)) return cursor
  throw new UsageError(
    'ARGUMENT_INVALID',
    `--since: expected the cursor of an event, got '${plain(text.slice(0, 60))}'`,
    {
      hint: 'Each event of `sluice events --json` has its cursor; 0 is everything there is',
    },
  )
}
