import { UsageError } from './errors.ts'

type Unit = 'ms' | 's' | 'm' | 'h'

/**
 * A length of time as people write it: `'250ms'`, `'30s'`, `'2m'`, `'1h30m'`; the grammar of Go, Prometheus and Argo.
 * A bare number is refused, because it hides its unit.
 */
export type Duration = `${number}${Unit}` | `${number}${Unit}${number}${Unit}`

const MS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
])
const LONGEST_MS = 366 * 24 * 3_600_000
/** Longer texts are no durations, and would be slow to find out about. */
const LONGEST_TEXT = 40
const PART = /(\d+(?:\.\d+)?)(ms|h|m|s)/g

/**
 * Parses a {@link Duration} once, at the edge; inside, time is always a whole number named `…Ms`. Units go from large
 * to small and each stands once; at most 366 days.
 * @throws UsageError `ARGUMENT_INVALID` for anything else, saying what to write instead
 */
export function toMs(duration: string, what = 'duration'): number {
  const isText = typeof duration === 'string' && duration.length <= LONGEST_TEXT
  const parts = isText ? [...duration.matchAll(PART)] : []
  const spelled = parts.map(([text]) => text).join('')
  const units = parts.map(([, , unit = '']) => MS_PER_UNIT.get(unit) ?? 0)
  const falling = units.every((unit, i) => i === 0 || unit < (units[i - 1] ?? 0))
  const ms = Math.round(parts.reduce((sum, [, amount], i) => sum + Number(amount) * (units[i] ?? 0), 0))
  if (parts.length === 0 || spelled !== duration || !falling || ms > LONGEST_MS) {
    throw new UsageError('ARGUMENT_INVALID', `${what}: expected a duration, got ${quoted(duration)}`, {
      hint: "Write a number with its unit, for example '250ms', '30s', '2m' or '1h30m' (at most 366 days)",
    })
  }
  return ms
}

/** {@link toMs}, and longer than nothing. */
export function toPositiveMs(duration: string, what = 'duration'): number {
  const ms = toMs(duration, what)
  if (ms > 0) return ms
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected more than zero, got ${quoted(duration)}`, {
    hint: "For example '30s'",
  })
}

/** Says a length of time the way {@link toMs} reads it: `formatMs(90_000)` is `'1m30s'`. */
export function formatMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(1))}s`
  const seconds = Math.round(ms / 1_000)
  const parts = [
    [Math.floor(seconds / 3_600), 'h'],
    [Math.floor((seconds % 3_600) / 60), 'm'],
    [seconds % 60, 's'],
  ] as const
  return parts.map(([amount, unit]) => (amount > 0 ? `${amount}${unit}` : '')).join('')
}

/** A share of traffic in basis points: whole, 0 to 10,000. Made by {@link weight}, shown by {@link percentOf}. */
export type Weight = number & { readonly __brand: 'Weight' }

/**
 * Turns a percentage with at most two decimals into basis points.
 * @throws UsageError `ARGUMENT_INVALID` outside 0–100, for NaN, strings, -0 and a third decimal
 */
export function weight(percent: number, what = 'weight'): Weight {
  const given = typeof percent === 'number' ? percent * 100 : Number.NaN
  const points = Math.round(given)
  // What 12.34 * 100 may be off by, and no more.
  const exact = Math.abs(points - given) < 1e-9
  if (!(points >= 0 && points <= 10_000) || !exact || Object.is(percent, -0)) {
    throw new UsageError('ARGUMENT_INVALID', `${what}: expected a percentage, got ${quoted(percent)}`, {
      hint: 'Write a number from 0 to 100 with at most two decimals, for example 12.5',
    })
  }
  return points as Weight
}

/** The percentage that people read: `percentOf(weight(12.5))` is 12.5. */
export function percentOf(points: Weight): number {
  return points / 100
}

export const NOTHING: Weight = weight(0)
export const EVERYTHING: Weight = weight(100)

/** What is left of everything: the baseline's share beside a canary's. */
export function rest(points: Weight): Weight {
  return (EVERYTHING - points) as Weight
}

/**
 * A part of a whole, 0 to 1 (an error rate, say).
 * @throws UsageError `ARGUMENT_INVALID` for anything else
 */
export function ratio(value: number, what = 'ratio'): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected a ratio, got ${quoted(value)}`, {
    hint: 'Write a number from 0 to 1, for example 0.01 for one percent',
  })
}

/**
 * A whole number within bounds.
 * @throws UsageError `ARGUMENT_INVALID` for anything else
 */
export function count(value: number, what: string, { least = 0, most = 1_000_000 } = {}): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected a whole number, got ${quoted(value)}`, {
    hint: `Write a whole number from ${least} to ${most}`,
  })
}

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,62}[A-Za-z0-9])?$/

/**
 * A name of a service, version or test: letters, digits and `. _ + -` inside, 64 characters at most. It ends up in
 * paths, URLs, headers and log lines, and is safe in each.
 * @throws UsageError `ARGUMENT_INVALID` for anything else
 */
export function name(value: string, what: string): string {
  if (typeof value === 'string' && NAME.test(value) && !value.includes('..')) return value
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected a name, got ${quoted(value)}`, {
    hint: 'Use letters, digits and . _ + - between them, at most 64 characters, for example v1.4.2',
  })
}

/** A place to listen at; port 0 asks for a free one. */
export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * Reads `8080`, `'127.0.0.1:8080'` or `'[::1]:8080'`; a port alone is one of 127.0.0.1.
 * @throws UsageError `ARGUMENT_INVALID` for anything else
 */
export function address(value: number | string, what: string): Address {
  const [, host = '127.0.0.1', digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(String(value)) ?? []
  const port = digits === '' ? Number.NaN : Number(digits)
  if (port <= 65_535) return { host: host.replace(/^\[(.*)\]$/, '$1'), port }
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected a port, got ${quoted(value)}`, {
    hint: "Write a port such as 8080, or an address such as '127.0.0.1:8080'",
  })
}

/** A value as error messages show it: short, on one line, and never a reason to fail. */
function quoted(value: unknown): string {
  const text = shown(value)
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text
}

const LONGEST_QUOTE = 60

function shown(value: unknown): string {
  if (typeof value === 'string')
    return `'${value.slice(0, LONGEST_QUOTE).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)}'`
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  return Object.is(value, -0) ? '-0' : String(value)
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`
}
