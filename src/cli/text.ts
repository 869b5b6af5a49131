// Text for terminals: names and reasons come from versions, configs and other people, and must not steer the terminal.

/** Control characters, and those that are invisible and turn the direction of writing or end a line. */
// oxlint-disable-next-line no-control-regex -- this is what finds them
const UNSAFE = /[\u0000-\u001F\u007F-\u009F\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB]/g

const SEGMENTS = new Intl.Segmenter('en', { granularity: 'grapheme' })
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|[\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}])/u
const NO_WIDTH = /^\p{Mark}/u

/** One line without anything that a terminal would obey: tabs and line ends become spaces, the rest is shown as `\x1b`. */
export function plain(text: string): string {
  return text.replaceAll(/[\t\n\r]+/g, ' ').replaceAll(UNSAFE, visible)
}

/** {@link plain}, but with its lines kept: for frames of code. */
export function plainLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.replaceAll('\t', '  ').replaceAll(UNSAFE, visible))
    .join('\n')
}

/** How many columns a text takes in a terminal. */
export function widthOf(text: string): number {
  return graphemes(text).reduce((sum, grapheme) => sum + columnsOf(grapheme), 0)
}

/** Cuts a text to at most `columns`, with an ellipsis where something is missing. */
export function fit(text: string, columns: number, ellipsis = '…'): string {
  if (widthOf(text) <= columns) return text
  const room = columns - widthOf(ellipsis)
  if (room <= 0) return ''
  let taken = ''
  let used = 0
  for (const grapheme of graphemes(text)) {
    used += columnsOf(grapheme)
    if (used > room) break
    taken += grapheme
  }
  return taken + ellipsis
}

/** Breaks a text at spaces into lines of at most `columns`; what is left after `most` lines stands in the last one, uncut. */
export function wrap(text: string, columns: number, most: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    const longer = last === undefined ? word : `${last} ${word}`
    if (last !== undefined && (lines.length === most || widthOf(longer) <= columns))
      lines.splice(-1, 1, longer)
    else lines.push(word)
  }
  return lines
}

/** {@link fit}, filled up with spaces. */
export function pad(text: string, columns: number, ellipsis = '…'): string {
  const fitted = fit(text, columns, ellipsis)
  return fitted + ' '.repeat(Math.max(0, columns - widthOf(fitted)))
}

function graphemes(text: string): readonly string[] {
  return [...SEGMENTS.segment(text)].map(({ segment }) => segment)
}

function columnsOf(grapheme: string): number {
  if (NO_WIDTH.test(grapheme)) return 0
  return WIDE.test(grapheme) ? 2 : 1
}

function visible(character: string): string {
  const code = character.charCodeAt(0)
  return code <= 0xff
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`
}
