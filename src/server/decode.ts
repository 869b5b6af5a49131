// What may be asked over HTTP, checked field by field: only what is named here gets through to the engine.
import type { RollbackRequest } from '../engine/view.ts'
import { UsageError } from '../errors.ts'
import type { Cause } from '../events/outcome.ts'
import type { OperatorEvent } from '../events/rollout-event.ts'
import { EVERYTHING, name, type Weight } from '../units.ts'

type Check<T> = (value: unknown, what: string) => T
type Checks<T> = { readonly [K in keyof Required<T>]: Check<Required<T>[K]> }
type EventOf<T extends OperatorEvent['type']> = Extract<OperatorEvent, { readonly type: T }>

const CAUSES: { readonly [C in Cause]: true } = {
  abort: true,
  'claim-lost': true,
  'deployment-timeout': true,
  'health-check-failure': true,
  'instance-exited': true,
  manual: true,
  'metrics-degraded': true,
  'router-refused': true,
  'smoke-test-failure': true,
  'staging-failed': true,
  'suspicion-unresolved': true,
}

const LONGEST_BAKE_MS = 366 * 24 * 3_600_000

const asked = { by: text(128), reason: text(2_000) }

/** Every event that people may send, with all of its fields. */
const EVENTS: { readonly [T in OperatorEvent['type']]: Checks<Omit<EventOf<T>, 'type'>> } = {
  'pause.requested': asked,
  'resume.requested': asked,
  'promote.requested': { ...asked, full: flag },
  'abort.requested': { ...asked, force: flag, cause },
  'weight.requested': { ...asked, weight: wholeNumber<Weight>(EVERYTHING, 'basis points') },
  'swap.requested': asked,
  'monitor.requested': { ...asked, bakeMs: wholeNumber(LONGEST_BAKE_MS, 'milliseconds') },
}

const REQUIRED: readonly string[] = ['weight']

const ROLLBACK: Checks<RollbackRequest> = {
  targetVersion: (value, what) => name(text(64)(value, what), what),
  force: flag,
  cause,
  reason: asked.reason,
  by: asked.by,
}

/**
 * An event that a person sends to a rollout, for example `{ "type": "abort.requested", "reason": "wrong version" }`.
 * @throws UsageError `ARGUMENT_INVALID`, saying what is allowed, for anything that is not exactly one
 */
export function decodeOperatorEvent(value: unknown): OperatorEvent {
  const { type, ...fields } = objectOf(value, 'the event')
  if (typeof type !== 'string' || !isOperatorEvent(type)) {
    throw new UsageError('ARGUMENT_INVALID', `type: ${shown(type)} is no event that can be sent`, {
      hint: `Send one of ${Object.keys(EVENTS).join(', ')}`,
    })
  }
  // The table holds the checks of exactly this type's fields.
  return { type, ...checked(fields, EVENTS[type]) } as OperatorEvent
}

/**
 * How a service is to be taken back; an empty object leaves everything to the engine.
 * @throws UsageError `ARGUMENT_INVALID`, saying what is allowed, for anything that is not exactly that
 */
export function decodeRollbackRequest(value: unknown): RollbackRequest {
  return checked(objectOf(value, 'the request'), ROLLBACK)
}

function isOperatorEvent(type: string): type is OperatorEvent['type'] {
  return Object.hasOwn(EVENTS, type)
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected a JSON object, got ${shown(value)}`)
}

/** The fields that are known, each as its check returns it; an unknown one is a mistake, never ignored. */
function checked<T extends object>(
  fields: Readonly<Record<string, unknown>>,
  checks: Checks<T>,
): Partial<Required<T>> {
  const known: Readonly<Record<string, Check<unknown>>> = checks
  const missing = REQUIRED.find((key) => Object.hasOwn(known, key) && !Object.hasOwn(fields, key))
  if (missing !== undefined) throw new UsageError('ARGUMENT_INVALID', `${missing}: it is missing`)
  const entries = Object.entries(fields).map(([key, value]) => {
    const check = Object.hasOwn(known, key) ? known[key] : undefined
    if (check !== undefined) return [key, check(value, key)] as const
    throw new UsageError('ARGUMENT_INVALID', `${shown(key)} is not known here`, {
      hint: `Known are ${Object.keys(known).join(', ')}`,
    })
  })
  return Object.fromEntries(entries) as Partial<Required<T>>
}

function flag(value: unknown, what: string): boolean {
  if (typeof value === 'boolean') return value
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected true or false, got ${shown(value)}`)
}

function cause(value: unknown, what: string): Cause {
  if (typeof value === 'string' && isCause(value)) return value
  throw new UsageError('ARGUMENT_INVALID', `${what}: ${shown(value)} is no cause`, {
    hint: `Write one of ${Object.keys(CAUSES).join(', ')}`,
  })
}

function isCause(value: string): value is Cause {
  return Object.hasOwn(CAUSES, value)
}

/** One line of words, for people: it is shown in terminals and logs, so it has no control characters. */
function text(longest: number): Check<string> {
  return (value, what) => {
    if (typeof value === 'string' && value.length <= longest && /^[^\p{Cc}\p{Cs}]+$/u.test(value))
      return value
    throw new UsageError('ARGUMENT_INVALID', `${what}: expected a line of text, got ${shown(value)}`, {
      hint: `Write 1 to ${longest} characters, without control characters`,
    })
  }
}

function wholeNumber<T extends number>(most: number, unit: string): Check<T> {
  return (value, what) => {
    const isOne = typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0)
    if (isOne && value >= 0 && value <= most) return value as T
    throw new UsageError('ARGUMENT_INVALID', `${what}: expected ${unit}, got ${shown(value)}`, {
      hint: `Write a whole number of ${unit} from 0 to ${most}`,
    })
  }
}

/** Never more of it than fits a line, and nothing that runs code of whoever made it. */
function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  const said = typeof value === 'string' ? `'${value}'` : String(value)
  return said.length > 60 ? `${said.slice(0, 60)}…` : said
}
