import { UsageError } from '../errors.ts'

/** A place in a config's data: `['checks', 0, 'errorRate']`. */
export type Path = readonly (string | number)[]

/** Something wrong with a rollout file. */
export interface Problem {
  /** The file, as it was asked for. */
  readonly file: string
  /** Counted from 1; null where a file has no lines to show: a module, or a file that can't be read. */
  readonly line: number | null
  /** Counted from 1, in UTF-16 code units as editors do. */
  readonly col: number | null
  /** Where in the data: `checks[0].errorRate.max`; empty for the whole file. */
  readonly path: string
  /** What is wrong and what to write instead, without any secret. */
  readonly message: string
  /** The line before, the line, and a mark below what is meant. */
  readonly frame: string | null
}

const MOST_PROBLEMS = 50

/** A rollout file that can't be used: all that is wrong with it, at once. */
export class ConfigError extends UsageError {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[], options: ErrorOptions = {}) {
    const shown = shorten(problems)
    super('CONFIG_INVALID', formatProblems(shown), {
      hint: 'Correct the file; nothing has been touched',
      ...options,
    })
    this.problems = shown
  }
}

/** One line for each problem with its frame below, and how many there are. */
export function formatProblems(problems: readonly Problem[]): string {
  const counted = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  const files = [...new Set(problems.map(({ file }) => file))]
  return [...problems.map(formatProblem), `${counted} in ${files.join(', ')}`].join('\n')
}

function formatProblem({ file, line, col, message, frame }: Problem): string {
  const place = line === null ? file : `${file}:${line}:${col ?? 1}`
  const head = `${place} error ${message}`
  return frame === null ? head : `${head}\n${frame}`
}

/** `checks[0].errorRate.max`, as one would write it in TypeScript. */
export function formatPath(path: Path): string {
  const parts = path.map((part) => {
    if (typeof part === 'number') return `[${part}]`
    return /^[A-Za-z_$][\w$]*$/.test(part) ? `.${part}` : `[${quote(part)}]`
  })
  return parts.join('').replace(/^\./, '')
}

/** A text in double quotes on one line, cut after 60 characters, without anything that could move a terminal's cursor. */
export function quote(text: string): string {
  const cut = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return JSON.stringify(printable(cut))
}

/** The text without control characters and without the invisible ones that reorder what is shown. */
export function printable(text: string): string {
  return text.replaceAll(/\t/g, ' ').replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{FFFD}')
}

function shorten(problems: readonly Problem[]): readonly Problem[] {
  const [first] = problems
  if (first === undefined || problems.length <= MOST_PROBLEMS + 1) return problems
  const more = `${problems.length - MOST_PROBLEMS} more problems are not shown`
  const last = { file: first.file, line: null, col: null, path: '', message: more, frame: null }
  return [...problems.slice(0, MOST_PROBLEMS), last]
}
