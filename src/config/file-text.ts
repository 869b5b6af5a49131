import { readFile, stat } from 'node:fs/promises'

import { messageOf } from '../errors.ts'
import { ConfigError, type Problem } from './problem.ts'

/** The parser is quadratic in places, and a rollout has a few hundred lines. */
const MOST_BYTES = 256 * 1024

/**
 * The text of a file, without a byte order mark.
 * @throws ConfigError when it is missing, no file, too large, or not UTF-8
 */
export async function textOf(path: string, file: string): Promise<string> {
  const bytes = await bytesOf(path, file)
  const [first, second] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw refusal(file, 'the file is written in UTF-16 - save it as UTF-8')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw refusal(file, 'the file is not UTF-8 text', error)
  }
}

/** A sentence about a file as a whole. */
export function refusal(file: string, message: string, cause?: unknown): ConfigError {
  const problem: Problem = { file, line: null, col: null, path: '', message, frame: null }
  return new ConfigError([problem], cause === undefined ? {} : { cause })
}

async function bytesOf(path: string, file: string): Promise<Uint8Array> {
  try {
    // Before it is opened: to open a pipe waits for its writer.
    const stats = await stat(path)
    if (stats.isDirectory()) throw refusal(file, 'this is a directory - name the file in it')
    if (!stats.isFile()) throw refusal(file, 'this is no file')
    const bytes = stats.size > MOST_BYTES ? null : await readFile(path)
    if (bytes !== null && bytes.length <= MOST_BYTES) return bytes
    throw refusal(file, `the file is larger than ${MOST_BYTES / 1024} kB, too large for a rollout`)
  } catch (error) {
    throw error instanceof ConfigError ? error : refusal(file, wordsOf(error), error)
  }
}

function wordsOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file'
    case 'EACCES':
    case 'EPERM':
      return 'the file may not be read - check its permissions'
    default:
      return `the file can not be read: ${messageOf(error)}`
  }
}
