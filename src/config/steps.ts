import { STANDARD } from '../options.ts'
// Steps of a canary: percentages that rise, also in the words of Argo Rollouts, where weights and pauses follow one another.
import { type Duration, formatMs, toMs } from '../units.ts'
import type { Path } from './problem.ts'

export interface StepFault {
  /** In the list of steps. */
  readonly path: Path
  readonly message: string
}

/** What a list of steps comes to. */
export type ReadSteps =
  | { readonly kind: 'read'; readonly trafficSteps: readonly number[]; readonly validationDuration: Duration }
  | { readonly kind: 'faulty'; readonly faults: readonly StepFault[] }

const MOST_STEPS = 100

const FOR_A_PERSON =
  'a pause without a duration waits for a person, and a canary goes on by itself - write a duration; people pause it with: sluice pause'

/** What is wrong with percentages in a row; `at` says where each of them stands. */
export function* stepFaults(
  weights: readonly { readonly weight: number; readonly at: Path }[],
): Generator<StepFault> {
  if (weights.length === 0 || weights.length > MOST_STEPS) {
    yield { path: [], message: `expected 1 to ${MOST_STEPS} steps, got ${weights.length}` }
    return
  }
  for (const [i, { weight, at }] of weights.entries()) {
    const before = weights[i - 1]?.weight ?? 0
    if (weight > before) continue
    const why =
      i === 0
        ? 'the first step has to be more than 0'
        : `steps have to rise: ${weight} is not more than ${before}`
    yield { path: at, message: why }
  }
}

/**
 * Reads steps in the words of Argo Rollouts: each weight is watched for the pauses behind it, or for `validationDuration`
 * when there is none. What is malformed in single values is said elsewhere, and leaves no more than it has to unsaid.
 */
export function readSteps(
  steps: readonly unknown[],
  validationDuration: unknown = STANDARD.validationDuration,
): ReadSteps {
  const usualMs = msOf(validationDuration)
  const parts = steps.map(partsOf)
  const { walked, faults } = walk(parts)
  if (usualMs === null || parts.includes(null)) return { kind: 'faulty', faults }
  const watched = walked.map(({ pausesMs, ...step }) => ({ ...step, ms: pausesMs ?? usualMs }))
  const [first] = watched
  const firstMs = first?.ms ?? usualMs
  const other = watched.find(({ ms }) => ms !== firstMs)
  const all = [...faults, ...stepFaults(watched), ...(other === undefined ? [] : [unequal(other, firstMs)])]
  if (all.length > 0) return { kind: 'faulty', faults: all }
  return {
    kind: 'read',
    trafficSteps: watched.map(({ weight }) => weight),
    validationDuration: `${firstMs}ms`,
  }
}

interface Parts {
  readonly weight: number | null
  readonly pause: 'none' | 'for a person' | { readonly ms: number }
}

const NEITHER: Parts = { weight: null, pause: 'none' }

interface Walked {
  readonly weight: number
  readonly at: Path
  /** Null without a pause. */
  pausesMs: number | null
}

function walk(parts: readonly (Parts | null)[]) {
  const walked: Walked[] = []
  const faults: StepFault[] = []
  for (const [i, part] of parts.entries()) {
    const { weight, pause } = part ?? NEITHER
    if (weight !== null) walked.push({ weight, at: [i], pausesMs: null })
    const last = walked.at(-1)
    if (pause === 'for a person') faults.push({ path: [i, 'pause'], message: FOR_A_PERSON })
    else if (pause === 'none') continue
    else if (last === undefined)
      faults.push({ path: [i, 'pause'], message: 'nothing to watch yet - begin with setWeight' })
    else last.pausesMs = (last.pausesMs ?? 0) + pause.ms
  }
  return { walked, faults }
}

/** The parts of one item; null when it is malformed. */
function partsOf(step: unknown): Parts | null {
  if (typeof step === 'number') return { weight: step, pause: 'none' }
  if (typeof step !== 'object' || step === null) return null
  const { setWeight, pause } = step as { readonly setWeight?: unknown; readonly pause?: unknown }
  const isEmpty = setWeight === undefined && pause === undefined
  if (isEmpty || (setWeight !== undefined && typeof setWeight !== 'number')) return null
  const read = pauseOf(pause)
  return read === null ? null : { weight: setWeight ?? null, pause: read }
}

function pauseOf(pause: unknown): Parts['pause'] | null {
  if (pause === undefined) return 'none'
  if (typeof pause !== 'object' || pause === null) return null
  const { duration } = pause as { readonly duration?: unknown }
  if (duration === undefined) return 'for a person'
  const ms = msOf(duration)
  return ms === null ? null : { ms }
}

function unequal({ at, ms }: { readonly at: Path; readonly ms: number }, firstMs: number): StepFault {
  const message = `is watched for ${formatMs(ms)} and the first step for ${formatMs(firstMs)} - a canary watches all steps for the same time`
  return { path: at, message }
}

function msOf(duration: unknown): number | null {
  try {
    return typeof duration === 'string' ? toMs(duration) : null
  } catch {
    return null
  }
}
