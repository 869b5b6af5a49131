// The engine's log. What may stand in it is a list of names: everything that is not known to be harmless stays out.
import type { DestinationStream } from 'pino'

import { scrub } from './scrub.ts'

export { scrub } from './scrub.ts'

export type LogFields = Readonly<Record<string, unknown>>

/** What the engine needs of a log; a pino logger is one. */
export interface Logger {
  trace(fields: LogFields, message: string): void
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  /** A logger that adds `bindings` to each line. */
  child(bindings: LogFields): Logger
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface LoggerOptions {
  /** The least that is written. Default `'info'`. */
  readonly level?: LogLevel
  /** Where lines go. Default standard error. */
  readonly destination?: DestinationStream
}

/** JSON lines by pino, {@link redacting} all that goes in. Pino is loaded by the first call. */
export async function createLogger({ level = 'info', destination }: LoggerOptions = {}): Promise<Logger> {
  const { destination: toFile, pino } = await import('pino')
  // Errors are made harmless already; pino's own way of showing them would take them apart again.
  const options = { level, base: null, serializers: { err: (shown: unknown) => shown } }
  return redacting(pino(options, destination ?? toFile({ dest: 2, sync: true })))
}

/** Passes on only what may be logged: fields by {@link LOGGABLE}, and every text scrubbed of secrets. */
export function redacting(log: Logger): Logger {
  return {
    trace: (fields, message) => log.trace(loggable(fields), scrub(message)),
    debug: (fields, message) => log.debug(loggable(fields), scrub(message)),
    info: (fields, message) => log.info(loggable(fields), scrub(message)),
    warn: (fields, message) => log.warn(loggable(fields), scrub(message)),
    error: (fields, message) => log.error(loggable(fields), scrub(message)),
    child: (bindings) => redacting(log.child(loggable(bindings))),
  }
}

/** Says nothing. */
export const silentLogger: Logger = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
}

const REDACTED = '[redacted]'
const DEEPEST_CAUSE = 3

type Show = (value: unknown) => unknown

/** The fields that may be logged, each with how it is shown; a value of another kind is shown as `[redacted]`. */
const LOGGABLE: ReadonlyMap<string, Show> = new Map([
  ...named(
    'rollout parent child service strategy state event command timer activity version target stable phase verdict',
    word,
  ),
  ...named('outcome cause kind slot test instance code signal level name status method', word),
  ...named('reason message hint url', text),
  ...named(
    'durationMs waitMs ms attempt attempts retries count total limit seq cursor run pid port exitCode',
    amount,
  ),
  ...named('weight dropped failed open cut claim n', amount),
  ...named('generation', generation),
  ...named('err error', (value) => failure(value, DEEPEST_CAUSE)),
])

function named(names: string, show: Show): readonly (readonly [string, Show])[] {
  return names.split(' ').map((name) => [name, show] as const)
}

/** Fields that are left out are counted as `redacted`; not even their names are shown. */
function loggable(fields: LogFields): LogFields {
  const entries = Object.entries(fields)
  const shown = entries.flatMap(([name, value]) => {
    const show = LOGGABLE.get(name)
    return show === undefined ? [] : [[name, show(value)] as const]
  })
  const redacted = entries.length - shown.length
  return Object.fromEntries(redacted === 0 ? shown : [...shown, ['redacted', redacted]])
}

/** A name or a number. */
function word(value: unknown): unknown {
  return typeof value === 'string' ? scrub(value).slice(0, 256) : amount(value)
}

function text(value: unknown): unknown {
  return typeof value === 'string' ? scrub(value) : amount(value)
}

function amount(value: unknown): unknown {
  return value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : REDACTED
}

function generation(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return amount(value)
  const { claim, n }: { readonly claim?: unknown; readonly n?: unknown } = value
  return { claim: amount(claim), n: amount(n) }
}

/** An error is its name, its code and its words, with those of its causes: no stack, and nothing hung onto it. */
function failure(error: unknown, depth: number): unknown {
  if (!(error instanceof Error)) return text(error)
  const { cause, code }: { readonly cause?: unknown; readonly code?: unknown } = error
  return {
    name: word(error.name),
    ...(code === undefined ? {} : { code: word(code) }),
    message: text(error.message),
    ...(cause === undefined || depth === 0 ? {} : { cause: failure(cause, depth - 1) }),
  }
}
