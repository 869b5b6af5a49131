import { scrub } from '../engine/scrub.ts'
import { formatPath, type Path, printable, type Problem } from './problem.ts'

/** From the first character to the one after the last, counted from 0. */
export type Range = readonly [number, number]

/** Something wrong, and where: in the data, and in the text if there is one. */
export interface Fault {
  readonly message: string
  readonly path: Path
  readonly range: Range | null
}

/** Short, and nothing that scrubbing would take for only a part of a secret. */
const SECRET = '***'
const LONGEST_LINE = 2_000
const WIDEST = 160
const WIDEST_MARK = 60

/** The text of a file: it knows lines and columns, and shows them without what is secret. */
export class Page {
  readonly #file: string
  readonly #text: string
  readonly #starts: readonly number[]
  readonly #hidden: readonly Range[]

  /** `hidden` are the places of secrets, which no frame may show. */
  constructor(file: string, text: string, hidden: readonly Range[] = []) {
    this.#file = file
    this.#text = text
    this.#starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)]
    this.#hidden = hidden.toSorted(([a], [b]) => a - b)
  }

  problem({ message, path, range }: Fault): Problem {
    const found = { file: this.#file, path: formatPath(path), message }
    if (range === null) return { ...found, line: null, col: null, frame: null }
    const line = this.line(range[0])
    const start = this.#starts[line - 1] ?? 0
    return { ...found, line, col: range[0] - start + 1, frame: this.#frame(line, range) }
  }

  /** The line of a place, counted from 1. */
  line(offset: number): number {
    let [low, high] = [0, this.#starts.length]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((this.#starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }

  /** The place of a line and column, both counted from 1; null where the text has no such place. */
  offset(line: number, col: number): number | null {
    const start = this.#starts[line - 1]
    return start === undefined ? null : Math.min(start + col - 1, this.#text.length)
  }

  #frame(line: number, [from, to]: Range): string | null {
    const [start, end] = this.#ends(line)
    if (end - start > LONGEST_LINE) return null
    const last = Math.max(from, Math.min(to, end))
    const marked = marking([this.#show(start, from), this.#show(from, last), this.#show(last, end)])
    const width = String(line).length
    return [
      ...(line === 1 ? [] : [`  ${String(line - 1).padStart(width)} | ${this.#lineBefore(line)}`]),
      `> ${line} | ${marked.text}`,
      `  ${' '.repeat(width)} | ${' '.repeat(marked.indent)}${'^'.repeat(marked.width)}`,
    ]
      .map((shown) => shown.trimEnd())
      .join('\n')
  }

  #lineBefore(line: number): string {
    const [start, end] = this.#ends(line - 1)
    return end - start > LONGEST_LINE ? '…' : cut(scrub(this.#show(start, end)))
  }

  #ends(line: number): Range {
    const start = this.#starts[line - 1] ?? 0
    const next = this.#starts[line] ?? this.#text.length + 1
    const isWindows = this.#text[next - 2] === '\r'
    return [start, Math.max(start, next - (isWindows ? 2 : 1))]
  }

  /** A piece of the text as it may be seen. */
  #show(from: number, to: number): string {
    let [at, shown] = [from, '']
    for (const [start, end] of this.#hidden) {
      if (end <= at || start >= to) continue
      shown += this.#text.slice(at, Math.max(at, start)) + SECRET
      at = Math.min(end, to)
    }
    return printable(shown + this.#text.slice(at, to))
  }
}

/** A line in three parts, of which the middle one is meant: cut to what fits, with the place of the mark. */
function marking([before, meant, after]: readonly [string, string, string]) {
  const clean = scrub(before + meant + after)
  const indent = lengthWithin(clean, before) ?? 0
  const last = lengthWithin(clean, before + meant.trimEnd()) ?? indent
  const left = indent > WIDEST - WIDEST_MARK ? indent - WIDEST_MARK : 0
  const text = cut(left === 0 ? clean : `…${clean.slice(left)}`)
  const width = Math.max(1, Math.min(last - indent, WIDEST_MARK))
  return { text, indent: left === 0 ? indent : indent - left + 1, width }
}

/** How long the beginning of a line is once the line is scrubbed; null where the two can't be told apart. */
function lengthWithin(clean: string, beginning: string): number | null {
  const scrubbed = scrub(beginning)
  return clean.startsWith(scrubbed) ? scrubbed.length : null
}

function cut(line: string): string {
  return line.length > WIDEST ? `${line.slice(0, WIDEST)}…` : line
}
