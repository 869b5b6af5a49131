// Rollouts as a picture of text: a pure function, drawn again and again by `screen.ts`, and by whoever else wants it.
import type { RolloutView } from '../../engine/view.ts'
import { shareOf } from '../../events/share.ts'
import { EVERYTHING } from '../../units.ts'
import { fit, plain, widthOf } from '../text.ts'
import { barRow, type Canvas, ellipsis, type Style, wordsRow } from './canvas.ts'
import { elapsed, rate, span } from './format.ts'
import { versionTable } from './table.ts'
import { callForPerson, costWords, journey, splitWords, verdictWords } from './words.ts'

export type { Canvas, Paint } from './canvas.ts'

/**
 * Draws rollouts, children below their parents, each as some lines of at most `width` columns; `extra` lines follow them as
 * they are, but cut to the width. Names and reasons are made harmless first.
 */
export function renderRollouts(
  views: readonly RolloutView[],
  canvas: Canvas,
  extra: readonly string[] = [],
): readonly string[] {
  const blocks = [
    ...views.map((view) => block(view, canvas)),
    ...(extra.length === 0 ? [] : [extra.map((line) => fit(plain(line), canvas.width, ellipsis(canvas)))]),
  ]
  return blocks.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))
}

function block(view: RolloutView, canvas: Canvas): readonly string[] {
  const rows = view.status === 'ended' ? [] : [...stepRow(view, canvas), ...versionTable(view, canvas)]
  return [headline(view, canvas), ...trafficRow(view, canvas), ...rows, ...wordRows(view, canvas)]
}

function headline(view: RolloutView, { paint, now, width, unicode }: Canvas): string {
  const until = view.endedAt === null ? now : Date.parse(view.endedAt)
  const time = elapsed(Date.parse(view.startedAt), until)
  const state = view.outcome?.status ?? (view.status === 'parked' ? 'parked' : view.state)
  const name = `${plain(view.id)}  ${view.strategy} ${journey(view, unicode ? '→' : '->')}`
  const room = width - widthOf(state) - widthOf(time) - 4
  const left = fit(name, Math.max(0, room), unicode ? '…' : '...')
  const gap = ' '.repeat(Math.max(2, room + 2 - widthOf(left)))
  return `${paint('bold', left)}${gap}${paint(styleOf(view), state)}  ${paint('dim', time)}`
}

function styleOf({ state, status, outcome }: RolloutView): Style {
  if (outcome !== null) return outcome.status === 'promoted' || outcome.status === 'passed' ? 'green' : 'red'
  if (status === 'parked' || /^(?:rolling-back|frozen)/.test(state)) return 'red'
  return /^(?:degraded|paused)/.test(state) ? 'yellow' : 'cyan'
}

/** What the router was set to, and what the requests of the newest window really did. */
function trafficRow(view: RolloutView, canvas: Canvas): readonly string[] {
  if (view.split.length === 0) return []
  const part = shareOf(view.split, view.version) / EVERYTHING
  const actual = actualShare(view)
  const seen = actual === null || view.status === 'ended' ? '' : ` (actual ${rate(actual)})`
  return [barRow('traffic', { part, words: splitWords(view) + seen, style: 'cyan' }, canvas)]
}

/** The new version's part of the newest window's requests, in thousandths; null without a comparison. */
function actualShare({ current, baseline }: RolloutView): number | null {
  const all = (current?.requests ?? 0) + (baseline?.requests ?? 0)
  if (current === null || baseline === null || all === 0) return null
  return Math.round((current.requests / all) * 1_000) / 1_000
}

function stepRow({ step }: RolloutView, canvas: Canvas): readonly string[] {
  if (step === null) return []
  const { index, of, bakeMs, observedMs } = step
  const part = bakeMs === 0 ? 1 : observedMs / bakeMs
  const words = `${index} of ${of}, observed ${span(observedMs)} of ${span(bakeMs)}`
  return [barRow('step', { part, words, style: 'green' }, canvas)]
}

function wordRows(view: RolloutView, canvas: Canvas): readonly string[] {
  const { verdict, status, outcome } = view
  const judged = verdict === null || status === 'ended' ? null : verdictWords(verdict)
  const harm = verdict?.kind === 'fail' ? { style: 'red' as const } : {}
  const reason = outcome?.reason ?? null
  const row = (label: string, words: string | null, look: { readonly style?: Style } = {}) =>
    words === null ? [] : wordsRow(label, words, { canvas, ...look })
  return [
    ...row('verdict', judged, harm),
    ...row('person', callForPerson(view), { style: 'yellow' }),
    ...row('requests', costWords(view)),
    ...row('reason', reason === null ? null : plain(reason)),
  ]
}
