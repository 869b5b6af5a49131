// A config that is a program: imported by Node itself, and copied as plain data before anything looks at it.
import { pathToFileURL } from 'node:url'

import { scrub } from '../engine/scrub.ts'
import { messageOf } from '../errors.ts'
import { type Fault, Page, type Range } from './page.ts'
import { type Path, quote } from './problem.ts'
import {
  DEEPEST,
  FORBIDDEN_KEYS,
  MOST_VALUES,
  named,
  NUL,
  type Source,
  TOO_DEEP,
  TOO_MANY,
} from './source.ts'

/** A module may wait for something before it exports, but not for ever. */
const LONGEST_IMPORT_MS = 10_000

/** Imports a module and takes what it exports by default; never throws, whatever the module does. */
export async function readModule(
  text: string,
  { file, path }: { readonly file: string; readonly path: string },
): Promise<Source> {
  const page = new Page(file, text)
  try {
    const module = await withinTime(importOf(path))
    return sourceOf(module, page)
  } catch (error) {
    const range = rangeIn(page, error, path)
    return {
      data: null,
      faults: [{ message: wordsOf(error), path: [], range }],
      isReadable: false,
      page,
      spot: null,
    }
  }
}

async function importOf(path: string): Promise<Readonly<Record<string, unknown>>> {
  return import(pathToFileURL(path).href)
}

async function withinTime<T>(importing: Promise<T>): Promise<T> {
  const timer = Promise.withResolvers<never>()
  const late = setTimeout(() => {
    timer.reject(new Error(`it was not done within ${LONGEST_IMPORT_MS / 1_000} s`))
  }, LONGEST_IMPORT_MS)
  try {
    return await Promise.race([importing, timer.promise])
  } finally {
    clearTimeout(late)
  }
}

function sourceOf(module: Readonly<Record<string, unknown>>, page: Page): Source {
  if (!('default' in module)) {
    const message = 'the module exports nothing by default - write export default defineRollout({ … })'
    return { data: null, faults: [{ message, path: [], range: null }], isReadable: false, page, spot: null }
  }
  const copy = new Copy()
  const data = copy.of(module['default'], [])
  return { data, faults: copy.faults.map(named), isReadable: !copy.gaveUp, page, spot: null }
}

const KNOWN_FAILURES: ReadonlyMap<string, string> = new Map([
  [
    'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
    'Node removes types but compiles nothing: write a config without enum, namespace and parameter properties',
  ],
  [
    'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
    'Node reads no TypeScript below node_modules: move the file',
  ],
  [
    'ERR_UNKNOWN_FILE_EXTENSION',
    'this Node can not read TypeScript: use Node 22.18 or newer, or a YAML file',
  ],
])

function wordsOf(error: unknown): string {
  const { code } = (typeof error === 'object' && error !== null ? error : {}) as { readonly code?: unknown }
  const known = KNOWN_FAILURES.get(String(code))
  const message = scrub(messageOf(error)).trim()
  const [first = ''] = message.split('\n')
  if (known !== undefined) return `${known} (${first})`
  return error instanceof SyntaxError ? `syntax error: ${first}` : `the module failed: ${first}`
}

/** The first place in the file itself that the error's stack names. */
function rangeIn(page: Page, error: unknown, path: string): Range | null {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  for (const name of [pathToFileURL(path).href, path]) {
    const at = stack.indexOf(`${name}:`)
    const [, line, col] = /^:(\d+)(?::(\d+))?/.exec(at === -1 ? '' : stack.slice(at + name.length)) ?? []
    const offset = line === undefined ? null : page.offset(Number(line), Number(col ?? 1))
    if (offset !== null) return [offset, offset + 1]
  }
  return null
}

/** Copies plain data and says what is not. */
class Copy {
  readonly faults: Fault[] = []
  /** Whether nothing is left to check. */
  gaveUp = false
  readonly #open = new Set<object>()
  #values = 0

  of(value: unknown, path: Path): unknown {
    if (this.gaveUp || this.#isTooMuch(path)) return null
    if (typeof value === 'object' && value !== null) return this.#object(value, path)
    if (typeof value === 'string' && value.includes('\0')) return this.#refuse(NUL, path)
    if (['string', 'number', 'boolean', 'undefined'].includes(typeof value) || value === null) return value
    return this.#refuse(`expected plain data, got a ${typeof value}`, path)
  }

  #isTooMuch(path: Path): boolean {
    this.#values++
    const message = path.length > DEEPEST ? TOO_DEEP : this.#values > MOST_VALUES ? TOO_MANY : null
    if (message !== null) this.#refuse(message, [])
    return message !== null
  }

  #object(value: object, path: Path): unknown {
    if (this.#open.has(value)) return this.#refuse('an object can not hold itself', path)
    this.#open.add(value)
    try {
      if (Array.isArray(value)) return Array.from(value, (item, i) => this.of(item, [...path, i]))
      return this.#mapping(value, path)
    } catch (error) {
      return this.#refuse(`can not be read: ${scrub(messageOf(error))}`, path)
    } finally {
      this.#open.delete(value)
    }
  }

  #mapping(value: object, path: Path): unknown {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      return this.#refuse(`expected plain data, got a ${quote(nameOf(value))}`, path)
    }
    const copy: Record<string, unknown> = {}
    for (const [key, part] of Object.entries(value)) {
      if (part === undefined) continue
      if (FORBIDDEN_KEYS.has(key)) this.#refuse("can't be a key", [...path, key])
      else copy[key] = this.of(part, [...path, key])
    }
    return copy
  }

  #refuse(message: string, path: Path): null {
    this.faults.push({ message, path, range: null })
    if (path.length === 0) this.gaveUp = true
    return null
  }
}

function nameOf(value: object): string {
  return typeof value.constructor === 'function' ? value.constructor.name : 'object'
}
