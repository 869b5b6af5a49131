// The smallest parts of the schema. A message may hold `{got}`, for which `explain.ts` puts what was found there.
import * as z from 'zod'

import { latency } from '../analysis/checks.ts'
import { UsageError } from '../errors.ts'
import { address, count, type Duration, name, ratio, toMs, toPositiveMs, weight } from '../units.ts'

type Facts = Readonly<Record<string, unknown>>

/** What a reader of `units.ts` says against a value, in the words of a problem; null when it takes it. */
function objection(read: (what: string) => unknown): string | null {
  try {
    read('it')
    return null
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const [, expected] = /^[\w.]+: (expected .+?), got /.exec(error.message) ?? []
    const { hint = '' } = error
    const advice = hint === '' ? '' : ` - ${hint.charAt(0).toLowerCase()}${hint.slice(1)}`
    return `${expected ?? error.message.replace(/^[\w.]+: /, '')}, got {got}${advice}`
  }
}

/** An object that takes these keys and no others. For an unknown key, its message lists the known ones. */
export function mapping<S extends z.core.$ZodLooseShape>(
  noun: string,
  shape: S,
): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : `expected ${noun}, got {got}`,
  })
}

export function list<T extends z.ZodType>(noun: string, item: T): z.ZodArray<T> {
  return z.array(item, { error: `expected a list of ${noun}, got {got}` })
}

/** Text as it is. */
export function text(noun: string): z.ZodString {
  return z.string({ error: `expected ${noun}, got {got}{quotes}` })
}

/** Text that `fault` says nothing against. */
export function textThat(noun: string, fault: (value: string) => string | null): z.ZodString {
  return text(noun).check(objecting(fault))
}

export function choice<const T extends readonly [string, ...string[]]>(
  values: T,
): z.ZodEnum<z.core.util.ToEnum<T[number]>> {
  return z.enum(values, { error: `expected ${oneOf(values)}, got {got}` })
}

export function flag(): z.ZodBoolean {
  return z.boolean({ error: 'expected true or false, got {got}' })
}

/** `'30s'`; zero where that is a time, too. */
export function duration({ zero }: { readonly zero: boolean }): z.ZodType<Duration, Duration> {
  const read = zero ? toMs : toPositiveMs
  const fault = (value: unknown) => objection((what) => read(textOr(value), what))
  return z
    .string({ error: ({ input }) => fault(input) ?? 'expected a duration' })
    .check(objecting(fault))
    .meta({ pattern: DURATION, examples: ['250ms', '30s', '2m', '1h30m'] }) as unknown as z.ZodType<
    Duration,
    Duration
  >
}

/** For editors: `units.ts` decides. */
const DURATION = String.raw`^(?=.)(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?(\d+(\.\d+)?ms)?$`

/** A name of a service, version or test. */
export function named(): z.ZodString {
  return z
    .string({
      error: ({ input }) => (isScalar(input) ? 'expected a name, got {got}{quotes}' : nameFault(input)) ?? '',
    })
    .check(objecting(nameFault))
    .meta({ pattern: '^[A-Za-z0-9]([A-Za-z0-9._+-]{0,62}[A-Za-z0-9])?$' })
}

function nameFault(value: unknown): string | null {
  return objection((what) => name(textOr(value), what))
}

/** 0 to 100, at most two decimals. */
export function percentage(): z.ZodNumber {
  return numberThat((value, what) => weight(value, what), { minimum: 0, maximum: 100 })
}

/** 0 to 1. */
export function fraction(): z.ZodNumber {
  return numberThat((value, what) => ratio(value, what), { minimum: 0, maximum: 1 })
}

export function whole(least: number, most: number): z.ZodNumber {
  const read = (value: number, what: string) => count(value, what, { least, most })
  return numberThat(read, { type: 'integer', minimum: least, maximum: most })
}

/** How many times the baseline. */
export function factor(): z.ZodNumber {
  return numberThat((value) => latency({ timesBaseline: value }), { minimum: 1, maximum: 1_000 })
}

/** A port, or `host:port`. */
export function listening(): z.ZodUnion<readonly [z.ZodNumber, z.ZodString]> {
  return z
    .union([z.number().meta({ type: 'integer', minimum: 0, maximum: 65_535 }), z.string()], {
      error: ({ input }) => addressFault(input) ?? 'expected a port, got {got}',
    })
    .check(objecting(addressFault))
}

function addressFault(value: unknown): string | null {
  const isOne = typeof value === 'number' || typeof value === 'string'
  return objection((what) => address(isOne ? value : '', what))
}

/** A problem of the value that a schema has taken so far. */
export function objecting<T>(fault: (value: T) => string | null): z.core.CheckFn<T> {
  return ({ value, issues }) => {
    const message = fault(value)
    if (message !== null) issues.push({ code: 'custom', message, input: value })
  }
}

/** `a`, `a or b`, `a, b or c`. */
export function oneOf(values: readonly string[]): string {
  const [last = '', ...others] = values.toReversed()
  return others.length === 0 ? last : `${others.toReversed().join(', ')} or ${last}`
}

function numberThat(read: (value: number, what: string) => unknown, facts: Facts): z.ZodNumber {
  const fault = (value: unknown) =>
    objection((what) => read(typeof value === 'number' ? value : Number.NaN, what))
  return z
    .number({ error: ({ input }) => fault(input) ?? 'expected a number, got {got}' })
    .check(objecting(fault))
    .meta(facts)
}

/** What is no text is refused like the empty one. */
function textOr(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isScalar(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean'
}
