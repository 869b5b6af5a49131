import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import type { Route } from '../../engine/ports.ts'
import { messageOf } from '../../errors.ts'
import { replaceFile } from '../files/index.ts'
import { decodeRoute } from './decode.ts'
import type { Log } from './log.ts'

/** Remembers routes on disk, so that a proxy that was killed comes back with them. */
export class RoutesFile {
  readonly #path: string
  #writing: Promise<void> = Promise.resolve()
  #wanted: readonly Route[] | null = null

  constructor(path: string) {
    this.#path = path
  }

  /** Resolves once these routes, or newer ones, are on the disk; while one write is under way, only the newest waits. */
  async save(routes: readonly Route[]): Promise<void> {
    this.#wanted = routes
    const write = async (): Promise<void> => {
      const wanted = this.#wanted
      if (wanted === null) return
      this.#wanted = null
      await replaceFile(this.#path, encode(wanted), { keepPrevious: true })
    }
    this.#writing = this.#writing.then(write, write)
    await this.#writing
  }

  /** The routes that were remembered last; those before, if the file is damaged; none, if there is no file. */
  async load(log: Log): Promise<readonly Route[]> {
    for (const path of [this.#path, `${this.#path}.previous`]) {
      try {
        return decode(await readFile(path, 'utf8'))
      } catch (error) {
        if (!isMissing(error))
          log('error', 'remembered routes can not be used', { path, reason: messageOf(error) })
      }
    }
    return []
  }
}

function encode(routes: readonly Route[]): string {
  const text = JSON.stringify(routes)
  return `${checksum(text)}\n${text}\n`
}

function decode(file: string): readonly Route[] {
  const [sum, text = ''] = file.split('\n')
  if (sum !== checksum(text)) throw new RangeError('the checksum is wrong')
  const routes: unknown = JSON.parse(text)
  if (!Array.isArray(routes)) throw new RangeError('not a list of routes')
  return routes.map(decodeRoute)
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
