// Where words go: data to standard output, everything else to standard error.
import { styleText } from 'node:util'

import { plain } from './text.ts'
import type { Paint } from './view/canvas.ts'

/** What every command is told. */
export interface Globals {
  /** As it was given; relative to the current directory. */
  readonly stateDir: string | undefined
  readonly json: boolean
  readonly quiet: boolean
  readonly debug: boolean
}

/** A command's two streams. */
export interface Output {
  readonly json: boolean
  readonly quiet: boolean
  /** Data for people; nothing with `--json`. The lines have to be safe for a terminal already. */
  data(...lines: readonly string[]): void
  /** Data for programs: the one document of a command; nothing without `--json`. */
  document(value: unknown): void
  /** What goes on, for people: to standard error, and nothing with `--quiet`. */
  note(line: string): void
  /** Colours what `data` shows. */
  readonly paint: Paint
}

type Stream = NodeJS.WriteStream

export function createOutput({ json, quiet }: Pick<Globals, 'json' | 'quiet'>): Output {
  return {
    json,
    quiet,
    data: (...lines) => {
      if (!json) for (const line of lines) process.stdout.write(`${line}\n`)
    },
    document: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
    },
    note: (line) => {
      if (!quiet) process.stderr.write(`${plain(line)}\n`)
    },
    paint: paintFor(process.stdout),
  }
}

/** Colours for a stream that shows them: a terminal, without `NO_COLOR`. */
export function paintFor(stream: Stream): Paint {
  return (style, text) => styleText(style, text, { stream })
}

/** Says no to colours for the whole process. */
export function withoutColor(): void {
  process.env['NO_COLOR'] = '1'
  delete process.env['FORCE_COLOR']
}

/** Whether a terminal of this environment can show more than ASCII. */
export function showsUnicode(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  return env['TERM'] !== 'linux' && !/^(?:C|POSIX)$/.test(locale)
}
