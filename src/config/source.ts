import type { Fault, Page, Range } from './page.ts'
import { formatPath, type Path } from './problem.ts'

/** Where a value stands in a text, how it was written there, and the same of what it holds. */
export interface Spot {
  readonly key: Range | null
  readonly value: Range
  /** The characters of a plain scalar: `1.10` where the value is 1.1. */
  readonly written: string | null
  readonly parts: ReadonlyMap<string | number, Spot>
}

/** A file that was read: plain data of bounded size and depth, without keys that mean something to JavaScript. */
export interface Source {
  readonly data: unknown
  /** What is wrong with how it is written; `isReadable` says whether the data can be checked nevertheless. */
  readonly faults: readonly Fault[]
  readonly isReadable: boolean
  readonly page: Page
  /** Null where there is no text with places: the data of a module. */
  readonly spot: Spot | null
}

/** Bounds on data from outside; what exceeds them is no rollout. */
export const DEEPEST = 32
export const MOST_VALUES = 20_000

export const TOO_DEEP = `nested more than ${DEEPEST} deep`
export const TOO_MANY = `more than ${MOST_VALUES} values`
export const NUL = 'a NUL character has no place in a rollout'

/** Keys that reach the prototype of an object. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** The place of a key or value; of what is missing, that of the nearest thing around it. */
export function rangeOf(spot: Spot | null, path: Path, part: 'key' | 'value'): Range | null {
  let [at, found] = [spot, 0]
  for (const step of path) {
    const next = at?.parts.get(step)
    if (next === undefined) break
    at = next
    found++
  }
  if (at === null) return null
  const isWhole = found === path.length
  return part === 'value' && isWhole ? at.value : (at.key ?? at.value)
}

/** How the value of a path was written; null where it was not a plain scalar, or there is no text. */
export function writtenAt(spot: Spot | null, path: Path): string | null {
  const found = path.reduce<Spot | null | undefined>((at, step) => at?.parts.get(step), spot)
  return found?.written ?? null
}

/** The value of a path; undefined where there is none. */
export function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, step) => {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    return (at as Readonly<Record<string | number, unknown>>)[step]
  }, data)
}

/** A fault that says what it is about. */
export function named(fault: Fault): Fault {
  const name = formatPath(fault.path)
  return name === '' ? fault : { ...fault, message: `${name}: ${fault.message}` }
}
