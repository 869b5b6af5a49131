// What is said when something can't be done: one shape for every failure, with the status that fits, and never a stack.
import { scrub } from '../engine/scrub.ts'
import { AdapterError, type ErrorCode, type ErrorDetails, messageOf, UsageError } from '../errors.ts'

/** A failure as clients receive it. */
export interface WireError {
  readonly error: {
    readonly code: ErrorCode | 'INTERNAL'
    readonly message: string
    readonly hint: string | null
  }
}

/** A request that is refused before anybody looks at what it asks for. */
export class HttpRefusal extends UsageError {
  readonly status: number

  constructor(status: number, message: string, details: ErrorDetails = {}) {
    super('ARGUMENT_INVALID', message, details)
    this.status = status
  }
}

/** Below 500 whoever asked has to change something; from there on the same may work later. */
const STATUS: { readonly [C in ErrorCode]: number } = {
  ARGUMENT_INVALID: 400,
  CONFIG_INVALID: 400,
  EVENT_REFUSED: 409,
  ROLLBACK_IMPOSSIBLE: 409,
  ROLLOUT_IN_PROGRESS: 409,
  ROLLOUT_UNKNOWN: 404,
  RUNTIME_UNSUPPORTED: 409,
  UNBOUND_NAME: 409,
  METRICS_FAILED: 502,
  PLATFORM_FAILED: 502,
  PROBE_FAILED: 502,
  ROUTER_FAILED: 502,
  ROUTER_STALE_GENERATION: 503,
  STORE_AMBIGUOUS: 503,
  STORE_CONFLICT: 503,
  STORE_CORRUPT: 500,
  STORE_UNAVAILABLE: 503,
  UNREACHABLE: 503,
}

/** The answer to a failure, whatever it is. */
export function answerTo(error: unknown): { readonly status: number; readonly body: WireError } {
  const isKnown = error instanceof UsageError || error instanceof AdapterError
  const code = isKnown ? error.code : 'INTERNAL'
  const hint = isKnown && error.hint !== undefined ? scrub(error.hint) : null
  return { status: statusOf(error), body: { error: { code, message: scrub(messageOf(error)), hint } } }
}

function statusOf(error: unknown): number {
  if (error instanceof HttpRefusal) return error.status
  return error instanceof UsageError || error instanceof AdapterError ? STATUS[error.code] : 500
}
