import type { GenerationCounts, Route } from '../../engine/ports.ts'
import { AdapterError, type ErrorCode, messageOf, UsageError } from '../../errors.ts'

/** The version of this language; a proxy that speaks another one is refused. */
export const PROTOCOL = 1
/** The longest message a proxy reads, in characters. */
export const LONGEST_REQUEST = 1 << 20
/** The longest message a controller reads, in characters. */
export const LONGEST_REPLY = 1 << 26

/** What a controller can ask a proxy for. One JSON object a line, answered by a {@link Reply} with the same id. */
export type Ask =
  | { readonly op: 'hello'; readonly token: string; readonly protocol: number }
  | { readonly op: 'apply'; readonly route: Route }
  | { readonly op: 'read'; readonly service: string }
  | { readonly op: 'drain'; readonly service: string; readonly version: string; readonly ms: number }
  | { readonly op: 'remove'; readonly service: string }
  | { readonly op: 'counts'; readonly service: string; readonly claim: number }
  | { readonly op: 'list' }
  | { readonly op: 'stop'; readonly graceMs: number }

export type Op = Ask['op']

export interface Hello {
  readonly protocol: number
  readonly pid: number
  /** Differs between any two proxy processes: counters of different runs can't be compared. */
  readonly run: string
}

export interface CountsReply {
  readonly run: string
  readonly counts: readonly GenerationCounts[]
}

/** What each question is answered with. */
export interface Results {
  readonly hello: Hello
  readonly apply: Route
  readonly read: Route | null
  readonly drain: { readonly cut: number }
  readonly remove: null
  readonly counts: CountsReply
  readonly list: readonly Route[]
  readonly stop: null
}

export interface WireError {
  readonly kind: 'usage' | 'adapter'
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string
}

/** A question as it goes over the wire; `cancel` gives up an earlier one and is not answered. */
export type Message = (Ask & { readonly id: number }) | { readonly op: 'cancel'; readonly id: number }

export type Reply =
  | { readonly id: number; readonly result: Results[Op] }
  | { readonly id: number | null; readonly error: WireError }

export function wireError(error: unknown): WireError {
  const message = messageOf(error)
  if (!(error instanceof UsageError || error instanceof AdapterError)) {
    return { kind: 'adapter', code: 'ROUTER_FAILED', message }
  }
  const { code, hint } = error
  const kind = error instanceof UsageError ? 'usage' : 'adapter'
  return { kind, code, message, ...(hint === undefined ? {} : { hint }) }
}

export function thrownError({ kind, code, message, hint }: WireError): Error {
  const details = hint === undefined ? {} : { hint }
  return kind === 'usage' ? new UsageError(code, message, details) : new AdapterError(code, message, details)
}

/** Cuts a stream of text into lines; throws when one gets longer than `longest`. */
export class Lines {
  readonly #longest: number
  #rest = ''

  constructor(longest: number) {
    this.#longest = longest
  }

  /** @throws RangeError when a line is too long */
  take(text: string): readonly string[] {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > this.#longest || lines.some(({ length }) => length > this.#longest)) {
      throw new RangeError(`a message is longer than ${this.#longest} characters`)
    }
    return lines.filter((line) => line !== '')
  }
}
