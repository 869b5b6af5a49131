// Threshold analysis: folds windows into batches that are large enough to say something, and each batch into a verdict.
// Pure: the state is plain data, stored with the rollout, and a restart goes on where it was.
import type { Check } from './checks.ts'
import { examine, type Finding } from './examine.ts'
import {
  add,
  areSound,
  type Counts,
  type MetricsSnapshot,
  NO_COUNTS,
  requestsOf,
  snapshotOf,
} from './sample.ts'
import type { Suspicion, Verdict } from './verdict.ts'

/** Who is judged, and who it is compared with. */
export interface Comparison {
  readonly version: string
  readonly baseline: string | null
}

/** One window, as the judge sees it. */
export interface Observation {
  readonly ms: number
  readonly current: Counts
  /** Null when nothing serves beside it. */
  readonly baseline: Counts | null
  /** Whether the time in it counts towards a bake. @defaultValue true */
  readonly isBaking?: boolean
}

/** What the judge remembers from window to window. */
export interface JudgeState {
  /** The windows since the last verdict. */
  readonly batch: Observation
  /** How much of a bake was watched since the last one that was earned. @defaultValue the length of the batch */
  readonly bakedMs?: number
  /** How often each check has failed in a row, in the order of the checks. */
  readonly streaks: readonly number[]
}

export interface Judgement {
  readonly state: JudgeState
  readonly verdict: Verdict
  readonly suspicion: Suspicion
  /** How much of the bake is earned by this window: all that was watched of it when the batch passed, else nothing. */
  readonly observedMs: number
  readonly current: MetricsSnapshot
  readonly baseline: MetricsSnapshot | null
}

const EMPTY: Observation = { ms: 0, current: NO_COUNTS, baseline: null }

export function freshJudge(checks: readonly Check[]): JudgeState {
  return { batch: EMPTY, streaks: checks.map(() => 0) }
}

/** What a window is worth that can't be true, or can't be told apart: nothing is learnt, and nothing is forgotten. */
function unjudged(state: JudgeState, reason: string): Judgement {
  const { ms, current, baseline } = state.batch
  return {
    state,
    verdict: { kind: 'error', reason },
    suspicion: 'unchanged',
    observedMs: 0,
    current: snapshotOf(current, ms),
    baseline: baseline && snapshotOf(baseline, ms),
  }
}

/** Judges one more window. Where no check is required, the time in which it was watched is all there is to observe. */
export function judge(checks: readonly Check[], before: JudgeState, window: Observation): Judgement {
  const { batch, streaks } = before
  if (!isSound(window)) return unjudged(before, 'the counts of this window make no sense')
  const grown = extend(batch, window, { countsIdle: !checks.some(({ required }) => required) })
  const current = snapshotOf(grown.current, grown.ms)
  const baseline = grown.baseline && snapshotOf(grown.baseline, grown.ms)
  const findings = checks.map((check) => examine(check, current, baseline))
  const next = findings.map((finding, i) => streakAfter(finding, streaks[i] ?? 0))
  const { verdict, suspicion } = weigh(checks, findings, next)
  // A batch that is only too small goes on growing; one that said something, or in which the baseline was ill, is over.
  const isOpen =
    verdict.kind === 'inconclusive' && suspicion === 'unchanged' && verdict.cause !== 'baseline-unhealthy'
  const { bakedMs, observedMs } = bakedAfter(before, window, { verdict, isOpen, ms: grown.ms - batch.ms })
  const state = { batch: isOpen ? grown : EMPTY, bakedMs, streaks: next }
  return { state, verdict, suspicion, observedMs, current, baseline }
}

/** A batch that passes while nothing bakes earns nothing yet: what was baked in it is earned by the next one that does. */
function bakedAfter(
  { batch, bakedMs = batch.ms }: JudgeState,
  { isBaking = true }: Observation,
  said: { readonly verdict: Verdict; readonly isOpen: boolean; readonly ms: number },
): { readonly bakedMs: number; readonly observedMs: number } {
  const baked = bakedMs + (isBaking ? said.ms : 0)
  const hasPassed = said.verdict.kind === 'pass'
  if (hasPassed && isBaking) return { bakedMs: 0, observedMs: baked }
  return { bakedMs: said.isOpen || hasPassed ? baked : 0, observedMs: 0 }
}

function isSound({ ms, current, baseline }: Observation): boolean {
  return Number.isFinite(ms) && ms > 0 && areSound(current) && (baseline === null || areSound(baseline))
}

/** Any harm is harm; any failure within its limit is suspicion; silence where data is required is no verdict. */
function weigh(
  checks: readonly Check[],
  findings: readonly Finding[],
  streaks: readonly number[],
): Pick<Judgement, 'verdict' | 'suspicion'> {
  const rows = checks.map((check, i) => ({ check, finding: findings[i], streak: streaks[i] ?? 0 }))
  const bad = rows.flatMap(({ check, finding, streak }) =>
    finding?.kind === 'bad'
      ? [{ check: check.name, reason: finding.reason, over: streak > check.failureLimit }]
      : [],
  )
  const [harm] = bad.filter(({ over }) => over)
  if (harm !== undefined) {
    return { verdict: { kind: 'fail', check: harm.check, reason: harm.reason }, suspicion: 'raised' }
  }
  const [first] = bad
  if (first !== undefined) {
    const reason = `suspected: ${first.reason}`
    return { verdict: { kind: 'inconclusive', cause: 'underpowered', reason }, suspicion: 'raised' }
  }
  const [silent] = rows.flatMap(({ check, finding }) =>
    finding?.kind === 'silent' && check.required ? [finding] : [],
  )
  if (silent === undefined) return { verdict: { kind: 'pass' }, suspicion: 'cleared' }
  const { cause, reason } = silent
  return { verdict: { kind: 'inconclusive', cause, reason }, suspicion: 'unchanged' }
}

function streakAfter({ kind }: Finding, streak: number): number {
  switch (kind) {
    case 'bad':
      return streak + 1
    case 'good':
      return 0
    case 'silent':
      return streak
  }
}

/** A window without a single request is no time observed, unless nothing that is required needs requests. */
function extend(
  batch: Observation,
  { ms, current, baseline }: Observation,
  { countsIdle }: { readonly countsIdle: boolean },
): Observation {
  const isSeen = requestsOf(current) > 0 || countsIdle
  return {
    ms: batch.ms + (isSeen ? ms : 0),
    current: add(batch.current, current),
    baseline: baseline && add(batch.baseline ?? NO_COUNTS, baseline),
  }
}
