// What rollouts are drawn on, and the small pieces of the picture.
import { fit, pad, wrap } from '../text.ts'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** Colours a text, or gives it back as it is. */
export type Paint = (style: Style, text: string) => string

export interface Canvas {
  /** In columns; the picture needs about 60, and is cut off below that. */
  readonly width: number
  /** Whether it can show more than ASCII. */
  readonly unicode: boolean
  readonly paint: Paint
  /** In milliseconds since the epoch: what elapsed times are counted to. */
  readonly now: number
}

const INDENT = '  '
const LABEL = 10
/** Where a row's words begin. */
export const MARGIN = INDENT.length + LABEL

/** A row of the picture; words that are too long go on in the lines below, three at most. */
export function wordsRow(
  label: string,
  words: string,
  { canvas, style }: { readonly canvas: Canvas; readonly style?: Style },
): readonly string[] {
  const lines = wrap(words, Math.max(1, canvas.width - MARGIN), 3).map((line) =>
    fit(line, canvas.width - MARGIN, ellipsis(canvas)),
  )
  return lines.map((line, i) =>
    labelled(i === 0 ? label : '', style === undefined ? line : canvas.paint(style, line), canvas),
  )
}

/** A row with a bar: `part` of a whole, then words, cut to what is left of the width. */
export function barRow(
  label: string,
  { part, words, style }: { readonly part: number; readonly words: string; readonly style: Style },
  canvas: Canvas,
): string {
  const cells = Math.max(8, Math.min(30, Math.floor(canvas.width / 4)))
  const filled = cellsOf(part, cells)
  const [full, empty] = canvas.unicode ? ['█', '░'] : ['#', '.']
  const bar = canvas.paint(style, full.repeat(filled)) + canvas.paint('dim', empty.repeat(cells - filled))
  return labelled(label, `${bar}  ${fit(words, canvas.width - MARGIN - cells - 2, ellipsis(canvas))}`, canvas)
}

export function labelled(label: string, rest: string, { paint }: Canvas): string {
  return INDENT + paint('dim', pad(label, LABEL)) + rest
}

export function ellipsis({ unicode }: Canvas): string {
  return unicode ? '…' : '...'
}

/** More than nothing is at least one cell, and less than everything leaves at least one. */
function cellsOf(part: number, cells: number): number {
  if (!(part > 0)) return 0
  return part >= 1 ? cells : Math.min(cells - 1, Math.max(1, Math.round(part * cells)))
}
