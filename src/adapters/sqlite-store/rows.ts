// Between rows and the port's own words. A row that is not what was written is damage.
import type { JournalEntry, StoredEntry, StoredRecord } from '../../engine/ports.ts'
import { UsageError } from '../../errors.ts'
import { corrupt } from './failures.ts'

type Row = Readonly<Record<string, unknown>>

/** A whole number in a row. */
export function whole(row: Row | undefined, column: string): number {
  const value = row?.[column]
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw corrupt(`${column} is no number`)
}

export function entryIn(row: Row): StoredEntry {
  const entry = parsed(row, 'entry')
  if (!isEntry(entry)) throw corrupt('an entry is incomplete')
  return { ...entry, service: nameOf(row), seq: whole(row, 'seq'), cursor: whole(row, 'cursor') }
}

export function recordIn(row: Row): StoredRecord {
  return { service: nameOf(row), version: whole(row, 'version'), record: parsed(row, 'record') }
}

/**
 * A service's name as the file has it: plain ones as they are, and what text in SQLite can't hold (half a surrogate
 * pair) or tools cut off (what follows a NUL) escaped as in JSON.
 */
export function keyOf(service: string): string {
  return JSON.stringify(service).slice(1, -1)
}

/** @throws UsageError `ARGUMENT_INVALID` for what has no JSON */
export function json(value: unknown, what: string): string {
  try {
    const text: string | undefined = JSON.stringify(value)
    if (text !== undefined) return text
  } catch (cause) {
    throw new UsageError('ARGUMENT_INVALID', `${what}: it can't be written as JSON`, { cause })
  }
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected JSON, got ${typeof value}`)
}

function nameOf(row: Row): string {
  const name = parse(`"${String(row['service'])}"`)
  if (typeof name === 'string') return name
  throw corrupt('a name of a service is no text')
}

function parsed(row: Row, column: string): unknown {
  return parse(String(row[column]))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw corrupt('a row is no JSON', cause)
  }
}

function isEntry(value: unknown): value is JournalEntry {
  if (typeof value !== 'object' || value === null) return false
  const { rollout, strategy, time, state, commands }: Partial<Record<keyof JournalEntry, unknown>> = value
  const texts = [rollout, strategy, state]
  return (
    texts.every((text) => typeof text === 'string') && typeof time === 'number' && Array.isArray(commands)
  )
}
