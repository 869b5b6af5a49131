// YAML, and JSON as a part of it, made into plain data by a walk of our own: it keeps where each value stands and how it was
// written, refuses what YAML can do to a program (tags, endless aliases, keys that reach prototypes), and sees duplicate keys
// in linear time (the parser's own check is quadratic).
import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'

import { type Fault, Page, type Range } from './page.ts'
import { type Path, quote } from './problem.ts'
import { isReference, isSecretName } from './secrets.ts'
import {
  DEEPEST,
  FORBIDDEN_KEYS,
  MOST_VALUES,
  named,
  NUL,
  type Source,
  type Spot,
  TOO_DEEP,
  TOO_MANY,
} from './source.ts'

const MOST_ALIASES = 100
/** One mistake in the punctuation makes the parser stumble over the rest. */
const MOST_SYNTAX_ERRORS = 5

type Parsed = ReturnType<typeof parseDocument>

/** Reads a text; never throws, whatever the text. */
export function readYaml(
  text: string,
  { file, isJson }: { readonly file: string; readonly isJson: boolean },
): Source {
  const nul = text.indexOf('\0')
  if (nul !== -1) return unreadable(file, text, { message: NUL, path: [], range: [nul, nul + 1] })
  const document = parseDocument(text, {
    strict: true,
    uniqueKeys: false,
    prettyErrors: false,
    merge: false,
    resolveKnownTags: false,
    version: '1.2',
  })
  const walk = new Walk(document, isJson)
  const { data, spot } = walk.read(document.contents, null, [])
  const syntax = syntaxFaults(document)
  const isSettled = !isJson || syntax.length + walk.faults.length > 0
  const punctuation = isSettled ? [] : jsonFaults(text)
  return {
    data,
    faults: [...syntax, ...punctuation, ...walk.faults.map(named)],
    isReadable: syntax.length + punctuation.length === 0 && !walk.gaveUp,
    page: new Page(file, text, walk.hidden),
    spot,
  }
}

interface Found {
  readonly data: unknown
  readonly spot: Spot
}

class Walk {
  readonly faults: Fault[] = []
  /** Where secrets stand. */
  readonly hidden: Range[] = []
  /** Whether it is so large or deep that the rest was not read. */
  gaveUp = false
  readonly #document: Parsed
  readonly #isJson: boolean
  readonly #open = new Set<unknown>()
  #values = 0
  #aliases = 0

  constructor(document: Parsed, isJson: boolean) {
    this.#document = document
    this.#isJson = isJson
  }

  read(node: unknown, key: Range | null, path: Path): Found {
    const range = rangeOfNode(node) ?? key ?? [0, 0]
    const nothing: Found = { data: null, spot: { key, value: range, written: null, parts: new Map() } }
    const isTooMuch = this.gaveUp || this.#isTooMuch(path, range)
    if (isTooMuch) return nothing
    this.#refuseTag(node, path, range)
    if (isAlias(node)) return this.#alias(node, nothing, path)
    if (isScalar(node)) return this.#scalar(node, nothing, path)
    if (!isMap(node) && !isSeq(node)) return nothing
    this.#open.add(node)
    const found = isMap(node) ? this.#map(node, nothing, path) : this.#list(node, nothing, path)
    this.#open.delete(node)
    return found
  }

  #isTooMuch(path: Path, range: Range): boolean {
    this.#values++
    const message = path.length > DEEPEST ? TOO_DEEP : this.#values > MOST_VALUES ? TOO_MANY : null
    if (message !== null) this.#giveUp(message, range)
    return message !== null
  }

  #giveUp(message: string, range: Range): void {
    this.faults.push({ message, path: [], range })
    this.gaveUp = true
  }

  #refuseTag(node: unknown, path: Path, range: Range): void {
    const { tag } = (node ?? {}) as Partial<Node>
    if (tag === undefined) return
    const shown = quote(tag.replace('tag:yaml.org,2002:', '!!'))
    this.faults.push({ message: `tags such as ${shown} are not read - write plain values`, path, range })
  }

  #alias(alias: Alias, { spot, data }: Found, path: Path): Found {
    this.#aliases++
    if (this.#aliases > MOST_ALIASES) {
      this.#giveUp(`more than ${MOST_ALIASES} aliases`, spot.value)
      return { data, spot }
    }
    const target = alias.resolve(this.#document)
    const isInside = this.#open.has(target)
    if (target === undefined || isInside) {
      const why = isInside ? 'stands inside what it names' : 'names nothing that stands before it'
      this.faults.push({ message: `the alias ${quote(`*${alias.source}`)} ${why}`, path, range: spot.value })
      return { data, spot }
    }
    const found = this.read(target, spot.key, path)
    return { ...found, spot: { ...found.spot, value: spot.value } }
  }

  #scalar(node: Scalar, { spot }: Found, path: Path): Found {
    const { value, type, source } = node
    if (this.#isJson && !isJsonScalar(node))
      this.faults.push({ message: NOT_QUOTED, path, range: spot.value })
    if (typeof value === 'string' && value.includes('\0')) {
      this.faults.push({ message: NUL, path, range: spot.value })
    }
    const isSecret = path.some(isSecretName) && value !== null && !isReference(value)
    if (isSecret) this.hidden.push(spot.value)
    const written = type === 'PLAIN' && source !== undefined ? source : null
    return { data: value, spot: { ...spot, written } }
  }

  #list({ items }: YAMLSeq, { spot }: Found, path: Path): Found {
    const found = items.map((item, i) => this.read(item, null, [...path, i]))
    return {
      data: found.map(({ data }) => data),
      spot: { ...spot, parts: new Map(found.map((one, i) => [i, one.spot])) },
    }
  }

  #map({ items }: YAMLMap, { spot }: Found, path: Path): Found {
    const data: Record<string, unknown> = {}
    const parts = new Map<string | number, Spot>()
    for (const pair of items) {
      const key = this.#key(pair, parts, path)
      // Also of a key that is refused: its value may hold a secret, which no frame may show.
      const found = this.read(pair.value, rangeOfNode(pair.key), [...path, key ?? keyTextOf(pair)])
      if (key === null) continue
      data[key] = found.data
      parts.set(key, found.spot)
    }
    return { data, spot: { ...spot, parts } }
  }

  /** The name of a key; null when it can't be one. */
  #key({ key }: Pair, known: ReadonlyMap<string | number, Spot>, path: Path): string | null {
    const range = rangeOfNode(key) ?? [0, 0]
    if (!isScalar(key)) {
      this.faults.push({ message: 'expected a name before the colon', path, range })
      return null
    }
    this.#refuseTag(key, path, range)
    if (path.some(isSecretName)) this.hidden.push(range)
    if (this.#isJson && !isJsonText(key)) this.faults.push({ message: NOT_QUOTED, path, range })
    const name = keyTextOf({ key })
    const message = keyFault(name, known.has(name))
    if (message === null) return name
    this.faults.push({ message, path: name === MERGE ? path : [...path, name], range })
    return null
  }
}

/** A key as it was written: `1.10` is not 1.1. */
function keyTextOf({ key }: Pick<Pair, 'key'>): string {
  if (!isScalar(key)) return ''
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
}

const MERGE = '<<'

function keyFault(name: string, isKnown: boolean): string | null {
  if (isKnown) return 'said twice - keep one of the two'
  if (name === MERGE)
    return 'merge keys (<<) are not read - write what is meant, or use an alias for a whole value'
  if (FORBIDDEN_KEYS.has(name)) return "can't be a key"
  return name.includes('\0') ? NUL : null
}

const NOT_QUOTED = 'not JSON: text stands in double quotes'

function isJsonText({ type }: Scalar): boolean {
  return type === 'QUOTE_DOUBLE'
}

function isJsonScalar(node: Scalar): boolean {
  const isLiteral = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?)$/i.test(node.source ?? '')
  return isJsonText(node) || (node.type === 'PLAIN' && isLiteral)
}

function rangeOfNode(node: unknown): Range | null {
  const { range } = (node ?? {}) as Partial<Node>
  return range ? [range[0], Math.max(range[1], range[0])] : null
}

function syntaxFaults({ errors, warnings, directives }: Parsed): readonly Fault[] {
  const found = [...errors, ...warnings.filter(({ code }) => code !== 'TAG_RESOLVE_FAILED')]
  const faults = found.slice(0, MOST_SYNTAX_ERRORS).map((error): Fault => ({
    message: wordsOf(error),
    path: [],
    range: [error.pos[0], error.pos[1]],
  }))
  const isPlain =
    directives === undefined ||
    (directives.yaml.explicit !== true && Object.keys(directives.tags).length === 1)
  if (!isPlain)
    faults.unshift({
      message: 'directives (%) are not read - begin with the first key',
      path: [],
      range: [0, 1],
    })
  return faults
}

/** The parser's words, but for those that say less than they could. */
function wordsOf({ code, message }: YAMLError): string {
  switch (code) {
    case 'RESOURCE_EXHAUSTION':
      return TOO_DEEP
    case 'MULTIPLE_DOCS':
      return 'a second document begins here - a rollout file holds one'
    case 'TAB_AS_INDENT':
      return 'a tab can not indent in YAML - use spaces'
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a second colon on the line - put the value in quotes'
    default:
      return `not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`
  }
}

/** What YAML allows and JSON does not, in a file that is called JSON. */
function jsonFaults(text: string): readonly Fault[] {
  try {
    JSON.parse(text)
    return []
  } catch (error) {
    const message = error instanceof Error ? error.message : ''
    const at = Number(/position (\d+)/.exec(message)?.[1] ?? 0)
    const words = message.replace(/,? *(?:"|\.\.\.).*|in JSON at.*|\(line.*/s, '').trim()
    return [
      {
        message: `not JSON: ${words.charAt(0).toLowerCase()}${words.slice(1)}`,
        path: [],
        range: [at, at + 1],
      },
    ]
  }
}

function unreadable(file: string, text: string, fault: Fault): Source {
  return { data: null, faults: [fault], isReadable: false, page: new Page(file, text), spot: null }
}
