// The one place where a reference becomes its value: for adapters, at the moment they use it.
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

import { messageOf, UsageError } from '../../errors.ts'

const REFERENCE = /^(env|file):(.*)$/s
const VARIABLE = /^[A-Za-z_]\w*$/
/** In bytes. A secret is short; a longer file is the wrong one. */
const LARGEST = 64 << 10

/**
 * The same names with their values: `env:NAME` becomes what the controller's environment variable holds, `file:path` the
 * text of a file without the line break at its end (a relative path starts at the controller's working directory);
 * everything else stays as it is. Nothing is remembered: each call reads anew.
 * @throws UsageError `UNBOUND_NAME` for a variable that isn't set and for what is no readable text file of at most 64 kB,
 *   naming the reference and never its value
 */
export async function resolveReferences(
  values: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const entries = Object.entries(values).map(
    async ([name, value]) => [name, await resolve(value, name)] as const,
  )
  return Object.fromEntries(await Promise.all(entries))
}

/** Whether a value is a reference, so that what it stands for is not to be shown. */
export function isReference(value: string): boolean {
  return REFERENCE.test(value)
}

async function resolve(value: string, name: string): Promise<string> {
  const [, kind, target = ''] = REFERENCE.exec(value) ?? []
  if (kind === 'env') return variable(target, name)
  if (kind === 'file') return textOf(target, name)
  return value
}

function variable(target: string, name: string): string {
  const value = VARIABLE.test(target) && Object.hasOwn(process.env, target) ? process.env[target] : undefined
  if (value === undefined) throw unbound(name, `env:${target}`, 'there is no such variable')
  return value
}

async function textOf(path: string, name: string): Promise<string> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    return await read(file)
  } catch (error) {
    throw unbound(name, `file:${path}`, reasonOf(error))
  }
}

async function read(file: FileHandle): Promise<string> {
  // A pipe or a device may have no end.
  if (!(await file.stat()).isFile()) throw new RangeError('it is no file')
  const bytes = Buffer.alloc(LARGEST + 1)
  let size = 0
  for (let more = 1; more > 0 && size < bytes.length; size += more) {
    more = (await file.read(bytes, size)).bytesRead
  }
  if (size > LARGEST) throw new RangeError('it is larger than 64 kB')
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, size))
  if (text.includes('\0')) throw new RangeError('it is no text')
  return text.replace(/\r?\n$/, '')
}

/** Of the file system's errors only the code: their words repeat the path. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
    return 'it is no text'
  return error instanceof Error && 'code' in error ? String(error.code) : messageOf(error)
}

function unbound(name: string, reference: string, why: string): UsageError {
  const shown = reference.length > 200 ? `${reference.slice(0, 200)}…` : reference
  return new UsageError('UNBOUND_NAME', `${name}: ${shown} can't be resolved: ${why}`, {
    hint: 'Set the variable or put the file where the controller runs, then resume',
  })
}
