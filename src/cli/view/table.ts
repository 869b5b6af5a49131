// Both versions' figures of the newest window, side by side.
import type { RolloutView } from '../../engine/view.ts'
import { fit, pad, plain } from '../text.ts'
import { type Canvas, ellipsis, labelled, MARGIN } from './canvas.ts'
import { count, latency, rate } from './format.ts'

type Snapshot = NonNullable<RolloutView['current']>

const COLUMNS = [
  { title: 'errors', width: 9, of: ({ errorRate }: Snapshot) => rate(errorRate) },
  { title: 'p50', width: 9, of: (seen: Snapshot) => latency(seen.latency.p50) },
  { title: 'p99', width: 9, of: (seen: Snapshot) => latency(seen.latency.p99) },
  { title: 'requests', width: 10, of: ({ requests }: Snapshot) => count(requests) },
] as const
const MARGIN_TEXT = ' '.repeat(MARGIN)
const FIGURES = COLUMNS.reduce((sum, { width }) => sum + width, 0)

/** No lines before the first window. */
export function versionTable(
  { version, stable, current, baseline }: RolloutView,
  canvas: Canvas,
): readonly string[] {
  if (current === null) return []
  const name = Math.max(8, Math.min(24, canvas.width - MARGIN - FIGURES))
  const line = (who: string, cells: readonly string[]) =>
    fit(
      pad(who, name, ellipsis(canvas)) +
        cells.map((cell, i) => cellOf(cell, COLUMNS[i]?.width ?? 0)).join(''),
      canvas.width - MARGIN,
      ellipsis(canvas),
    )
  const figures = (seen: Snapshot) => COLUMNS.map(({ of }) => of(seen))
  return [
    canvas.paint(
      'dim',
      MARGIN_TEXT +
        line(
          '',
          COLUMNS.map(({ title }) => title),
        ),
    ),
    labelled('window', line(plain(version), figures(current)), canvas),
    ...(baseline === null || stable === null
      ? []
      : [labelled('', line(plain(stable), figures(baseline)), canvas)]),
  ]
}

function cellOf(text: string, width: number): string {
  return fit(text, width - 1).padStart(width)
}
