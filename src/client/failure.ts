// What a server says when it can't, as the errors that a program in its process would have seen.
import { AdapterError, type ErrorCode, UsageError } from '../errors.ts'

/** Whose fault each code is. */
const CODES: { readonly [C in ErrorCode]: 'usage' | 'adapter' } = {
  ARGUMENT_INVALID: 'usage',
  CONFIG_INVALID: 'usage',
  EVENT_REFUSED: 'usage',
  ROLLBACK_IMPOSSIBLE: 'usage',
  ROLLOUT_IN_PROGRESS: 'usage',
  ROLLOUT_UNKNOWN: 'usage',
  RUNTIME_UNSUPPORTED: 'usage',
  UNBOUND_NAME: 'usage',
  METRICS_FAILED: 'adapter',
  PLATFORM_FAILED: 'adapter',
  PROBE_FAILED: 'adapter',
  ROUTER_FAILED: 'adapter',
  ROUTER_STALE_GENERATION: 'adapter',
  STORE_AMBIGUOUS: 'adapter',
  STORE_CONFLICT: 'adapter',
  STORE_CORRUPT: 'adapter',
  STORE_UNAVAILABLE: 'adapter',
  UNREACHABLE: 'adapter',
}

interface Said {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | null
}

/** The error that an answer stands for. */
export async function failureOf(response: Response): Promise<UsageError | AdapterError> {
  const said = saidIn(await response.json().catch(() => null))
  if (said === null) return stranger(response)
  const details = said.hint === null ? {} : { hint: said.hint }
  const { code, message } = said
  return CODES[code] === 'usage'
    ? new UsageError(code, message, details)
    : new AdapterError(code, message, details)
}

/** The words are those of the system, for example ECONNREFUSED. */
export function unreachable(base: URL, cause: unknown): AdapterError {
  return new AdapterError('UNREACHABLE', `${base.origin} can't be reached: ${wordsOf(cause)}`, {
    cause,
    hint: 'See whether the engine runs, and serves at that address',
  })
}

/** Somebody answers, but not as an engine does. */
export function stranger({ status, headers }: Response): UsageError | AdapterError {
  const type = headers.get('content-type') ?? 'nothing'
  const said = `the answer was ${status} with ${type.slice(0, 60)}, which is not how an engine answers`
  const details = { hint: 'See whether that is the address of an engine, and not of something else' }
  const mayPass = status >= 500 || status === 408 || status === 429
  return mayPass
    ? new AdapterError('UNREACHABLE', said, details)
    : new UsageError('ARGUMENT_INVALID', said, details)
}

function saidIn(body: unknown): Said | null {
  if (typeof body !== 'object' || body === null || !('error' in body)) return null
  const {
    code,
    message,
    hint,
  }: { readonly code?: unknown; readonly message?: unknown; readonly hint?: unknown } =
    typeof body.error === 'object' && body.error !== null ? body.error : {}
  if (typeof code !== 'string' || typeof message !== 'string') return null
  // A newer server may know more codes: what they have in common is that it did not work.
  return {
    code: isCode(code) ? code : 'UNREACHABLE',
    message,
    hint: typeof hint === 'string' ? hint : null,
  }
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(CODES, code)
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message
  return error.message
}
