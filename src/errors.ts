/** Every failure a caller may want to tell apart. Stable: a code is never reused and never changes its meaning. */
export type ErrorCode =
  // Whoever called has to change something.
  | 'ARGUMENT_INVALID'
  | 'CONFIG_INVALID'
  | 'EVENT_REFUSED'
  | 'ROLLBACK_IMPOSSIBLE'
  | 'ROLLOUT_IN_PROGRESS'
  | 'ROLLOUT_UNKNOWN'
  | 'RUNTIME_UNSUPPORTED'
  | 'UNBOUND_NAME'
  // The world said no.
  | 'METRICS_FAILED'
  | 'PLATFORM_FAILED'
  | 'PROBE_FAILED'
  | 'ROUTER_FAILED'
  | 'ROUTER_STALE_GENERATION'
  | 'STORE_AMBIGUOUS'
  | 'STORE_CONFLICT'
  | 'STORE_CORRUPT'
  | 'STORE_UNAVAILABLE'
  | 'UNREACHABLE'

export interface ErrorDetails extends ErrorOptions {
  /** What the reader can do about it, in one sentence. */
  readonly hint?: string
}

abstract class CodedError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, { hint, ...options }: ErrorDetails = {}) {
    super(message, options)
    this.name = new.target.name
    this.code = code
    this.hint = hint
  }
}

/** You asked for something that cannot be done. Fix the call or the configuration; trying again will not help. */
export class UsageError extends CodedError {}

/** The world said no: a proxy, a metrics server, a disk. `cause` holds what it said; trying again may help. */
export class AdapterError extends CodedError {}

/** The words of whatever was thrown, for a reason or a log line: never a stack, never the object itself. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
