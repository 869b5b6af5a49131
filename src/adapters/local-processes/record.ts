// What is remembered of an instance: a file of its own, written before what it says is done.
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'

import type { Instance, RunSpec } from '../../engine/ports.ts'
import { replaceFile } from '../files/index.ts'

export interface InstanceRecord {
  readonly service: string
  readonly version: string
  /** From 1 to the version's replicas. */
  readonly number: number
  /** References stand in it as they were written, never what they stand for. */
  readonly run: RunSpec
  readonly wanted: 'running' | 'stopped'
  /** Names the newest start; null while it waits for its next one. */
  readonly ticket: string | null
  readonly port: number
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly restarts: number
  /** Exits in a row, none of which came after a long life. */
  readonly failures: number
  /** Where the newest start's lines begin in the log. */
  readonly logFrom: number
}

const ENDING = '.json'

export function nameOf({ version, number }: Pick<InstanceRecord, 'version' | 'number'>): string {
  return `${version}-${number}`
}

export function instanceOf(record: InstanceRecord): Instance {
  const { service, version, port, startedAt, restarts } = record
  const url = `http://127.0.0.1:${port}`
  return { instance: nameOf(record), service, version, url, startedAt, restarts }
}

export async function saveRecord(dir: string, record: InstanceRecord): Promise<void> {
  await replaceFile(pathOf(dir, record), JSON.stringify(record))
}

export async function forgetRecord(dir: string, record: InstanceRecord): Promise<void> {
  await rm(pathOf(dir, record), { force: true })
}

/** All records of a directory that can be understood; others are put aside, under a name that says so. */
export async function recordsIn(dir: string): Promise<readonly InstanceRecord[]> {
  const names = await readdir(dir).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  })
  const files = names.filter((name) => name.endsWith(ENDING))
  const read = await Promise.all(files.map(async (name) => readRecord(join(dir, name))))
  return read.filter((record) => record !== null)
}

async function readRecord(path: string): Promise<InstanceRecord | null> {
  const value = parsed(await readFile(path, 'utf8'))
  if (isRecord(value) && basename(path) === `${nameOf(value)}${ENDING}`) return value
  await rename(path, `${path}.damaged`)
  return null
}

function pathOf(dir: string, record: InstanceRecord): string {
  return join(dir, `${nameOf(record)}${ENDING}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const NUMBERS = ['number', 'port', 'startedAt', 'restarts', 'failures', 'logFrom']

function isRecord(value: unknown): value is InstanceRecord {
  if (typeof value !== 'object' || value === null) return false
  const { service, version, run, wanted, ticket, ...rest }: Partial<InstanceRecord> = value
  const texts = [service, version].every((text) => typeof text === 'string')
  const numbers = NUMBERS.every((name) => Number.isSafeInteger(Reflect.get(rest, name)))
  const isKnown = wanted === 'running' || wanted === 'stopped'
  return texts && numbers && isKnown && (ticket === null || typeof ticket === 'string') && isRun(run)
}

function isRun(run: unknown): run is RunSpec {
  if (typeof run !== 'object' || run === null) return false
  const { command, env, cwd, replicas, stopGraceMs }: Partial<RunSpec> = run
  return (
    Array.isArray(command) &&
    typeof env === 'object' &&
    typeof cwd === 'string' &&
    Number.isSafeInteger(replicas) &&
    Number.isSafeInteger(stopGraceMs)
  )
}
