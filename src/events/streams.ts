// The RxJS operators that fold what is measured into what is said: many samples in, few events out. Thousands of rollouts
// wait with them, and each link of a chain is an object and its closures: they keep their state themselves, in one link.
import { defer, filter, map, type Observable, type OperatorFunction } from 'rxjs'

import type { Check } from '../analysis/checks.ts'
import {
  type Comparison,
  judge,
  type Judgement,
  type JudgeState,
  type Observation,
} from '../analysis/judge.ts'
import { type Counts, type MetricsWindow, NO_COUNTS, type Sample } from '../analysis/sample.ts'

/** One answer of one instance. */
export interface HealthSample {
  readonly instance: string
  readonly health: 'healthy' | 'unhealthy' | 'error'
  readonly message: string
}

/** What consecutive answers add up to. */
export interface HealthConclusion {
  readonly health: 'healthy' | 'suspect' | 'unhealthy'
  readonly reason: string
}

/**
 * Folds rounds of answers (one per instance) into conclusions, and emits only changes: `unhealthy` after `threshold`
 * rounds in a row in which the same instance was not well, `suspect` after the first, `healthy` after `threshold` rounds
 * in a row in which all were.
 */
export function concludeHealth(
  threshold: number,
): OperatorFunction<readonly HealthSample[], HealthConclusion> {
  return (rounds: Observable<readonly HealthSample[]>) =>
    defer(() => {
      let state = UNKNOWN
      return rounds.pipe(
        map((round) => {
          const before = state.said?.health
          state = fold(state, round, threshold)
          return state.said?.health === before ? null : state.said
        }),
        filter((said) => said !== null),
      )
    })
}

interface Streaks {
  readonly ill: ReadonlyMap<string, number>
  readonly well: number
  readonly said: HealthConclusion | null
}

const UNKNOWN: Streaks = { ill: new Map(), well: 0, said: null }

function fold(state: Streaks, round: readonly HealthSample[], threshold: number): Streaks {
  const sick = round.filter(({ health }) => health !== 'healthy')
  const ill = new Map(sick.map(({ instance }) => [instance, (state.ill.get(instance) ?? 0) + 1]))
  const [worst] = sick.toSorted((a, b) => (ill.get(b.instance) ?? 0) - (ill.get(a.instance) ?? 0))
  if (worst !== undefined) {
    const times = ill.get(worst.instance) ?? 0
    const health = times >= threshold ? 'unhealthy' : 'suspect'
    return { ill, well: 0, said: { health, reason: `${worst.message} (${times} in a row)` } }
  }
  const well = round.length === 0 ? 0 : state.well + 1
  return {
    ill,
    well,
    said: well >= threshold ? { health: 'healthy', reason: `${well} good answers in a row` } : state.said,
  }
}

/** Whose windows are judged. */
export interface Judged extends Comparison {
  /** Asked with each window: whether it counts towards a bake. @defaultValue it does */
  readonly isBaking?: () => boolean
}

/** Folds windows of traffic into one judgement each, going on from a stored state. */
export function judgeWindows(
  checks: readonly Check[],
  who: Judged,
  stored: JudgeState,
): OperatorFunction<MetricsWindow, Judgement> {
  return (windows: Observable<MetricsWindow>) =>
    defer(() => {
      let state = stored
      return windows.pipe(
        map((window) => {
          const said = judge(checks, state, observationOf(window, who))
          ;({ state } = said)
          return said
        }),
      )
    })
}

function observationOf(
  { ms, samples }: MetricsWindow,
  { version, baseline, isBaking = () => true }: Judged,
): Observation {
  const current = countsOf(samples, version)
  const beside = baseline === null ? null : countsOf(samples, baseline)
  return { ms, current, baseline: beside, isBaking: isBaking() }
}

/** A version that is not named had no requests; one that is named twice was counted twice, or not at all: who knows? */
function countsOf(samples: readonly Sample[], version: string): Counts {
  const found = samples.filter((sample) => sample.version === version)
  if (found.length > 1) return UNKNOWABLE
  return found[0]?.counts ?? NO_COUNTS
}

const UNKNOWABLE: Counts = { ...NO_COUNTS, failed: Number.NaN }
