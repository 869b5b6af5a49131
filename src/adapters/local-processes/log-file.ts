// What instances print goes to files, not to pipes: a process that writes to a pipe dies with whoever held its other end.
import { constants, type Stats } from 'node:fs'
import { copyFile, mkdir, open, rename, stat, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

import { scrub } from '../../engine/scrub.ts'

/** In bytes from the end of the log: the last line is looked for there. */
const TAIL = 4_096
const LONGEST_LINE = 300
/** Shorter lines of a secret are also ordinary words. */
const SHORTEST_SECRET = 4

/** Makes room for a log that nobody writes to: one of `limit` bytes is put aside, as `….previous`. Resolves with its size. */
export async function prepareLog(path: string, limit: number): Promise<number> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const size = await sizeOf(path)
  if (size < limit) return size
  await rename(path, `${path}.previous`)
  return 0
}

/**
 * Empties a log that somebody writes to, once it has grown to `limit` bytes, after copying it to `….previous`. What is
 * written between the two is lost.
 */
export async function limitLog(path: string, limit: number): Promise<void> {
  if ((await sizeOf(path)) < limit) return
  // On a full disk there is no copy, and all the more reason to make room.
  await copyFile(path, `${path}.previous`, constants.COPYFILE_FICLONE).catch(() => {})
  await truncate(path)
}

async function sizeOf(path: string): Promise<number> {
  const found: Stats | null = await stat(path).catch(() => null)
  return found?.size ?? 0
}

/** The last line that was printed since the log had `from` bytes, without control characters and secrets; null for none. */
export async function lastLine(
  path: string,
  { from, secrets }: { readonly from: number; readonly secrets: readonly string[] },
): Promise<string | null> {
  const text = await tailOf(path, from).catch(() => '')
  const lines = stripVTControlCharacters(text)
    .split('\n')
    .map((line) => line.replaceAll(/\p{Cc}+/gu, ' ').trim())
  const line = lines.findLast((candidate) => candidate !== '')
  if (line === undefined) return null
  const clean = scrub(withoutSecrets(line, secrets))
  return clean.length > LONGEST_LINE ? `${clean.slice(0, LONGEST_LINE)}…` : clean
}

async function tailOf(path: string, from: number): Promise<string> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  // One that is shorter was emptied meanwhile.
  const start = Math.max(from > size ? 0 : from, size - TAIL)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL), 0, TAIL, start)
  return buffer.toString('utf8', 0, bytesRead)
}

/** Longer ones first: one may be a part of another. */
function withoutSecrets(line: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => secret.split('\n'))
    .map((part) => part.trim())
    .filter((part) => part.length >= SHORTEST_SECRET)
    .toSorted((a, b) => b.length - a.length)
    .reduce((text, part) => text.replaceAll(part, '[redacted]'), line)
}
