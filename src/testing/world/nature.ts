// How the things of a world are: whether versions are any good, whether the router can be reached, what people press.
import type { RolloutEvent, TestAnswer } from '../../events/rollout-event.ts'
import type { Activity, Command } from '../../machines/index.ts'
import { weight } from '../../units.ts'
import type { Dice } from './dice.ts'
import { WINDOW_MS, type Watch } from './member.ts'

/** An event that comes about after a while. */
export interface Answer {
  readonly afterMs: number
  readonly event: RolloutEvent
}

type Temper = 'good' | 'flaky' | 'bad' | 'silent' | 'unmeasured'
type Sign = 'pass' | 'doubt' | 'harm' | 'silence' | 'error'

/** What is seen of a version, window by window; the first is what is seen of every version when the luck is spent. */
const SIGNS: { readonly [T in Temper]: readonly [Sign, ...Sign[]] } = {
  good: ['pass', 'pass', 'pass', 'pass', 'pass', 'pass', 'pass', 'pass', 'silence', 'doubt'],
  flaky: ['pass', 'pass', 'doubt', 'doubt', 'silence', 'doubt'],
  bad: ['pass', 'doubt', 'harm', 'harm'],
  silent: ['pass', 'silence', 'silence', 'silence', 'silence', 'silence', 'silence'],
  unmeasured: ['pass', 'error', 'error', 'error', 'error', 'doubt'],
}

export class Nature {
  readonly #dice: Dice
  readonly #temper: Temper
  /** From when until when the router can't be reached. */
  readonly #outage: { readonly from: number; readonly until: number }

  constructor(dice: Dice) {
    this.#dice = dice
    this.#temper = dice.pick('good', 'good', 'good', 'good', 'good', 'flaky', 'bad', 'silent', 'unmeasured')
    const from = dice.roll(200_000)
    this.#outage = { from, until: from + dice.pick(0, 0, 0, 0, 20_000, 90_000, 900_000) }
  }

  isOutage(now: number): boolean {
    return now >= this.#outage.from && now < this.#outage.until && !this.#dice.isSpent
  }

  /** How long something takes that usually takes no time; now and then much longer than anyone waits. */
  delay(): number {
    return this.#dice.pick(100, ...USUALLY, 2_000, 20_000, 45_000, 400_000)
  }

  /** What a platform, a version or a test answers; null when nothing ever comes. */
  answer(command: Command): Answer | null {
    if (this.#dice.chance(4)) return null
    const { type, params } = command
    switch (type) {
      case 'startVersion': {
        const { version } = params
        const ready = { type: 'version.ready', version, endpoints: [] } as const
        const failed = { type: 'version.failed', version, reason: 'it exits with 1' } as const
        return { afterMs: this.delay(), event: this.#dice.chance(6) ? failed : ready }
      }
      case 'stopVersion':
        return { afterMs: this.delay(), event: { type: 'version.stopped', version: params.version } }
      case 'drainVersion': {
        const { version, ms } = params
        return {
          afterMs: Math.min(ms, this.delay()),
          event: { type: 'traffic.drained', version, cut: this.#dice.roll(3) },
        }
      }
      case 'runTest': {
        const { test, attempt, ms } = params
        const status = this.#dice.pick<TestAnswer['status']>(
          'passed',
          'passed',
          'passed',
          'passed',
          'passed',
          'passed',
          'failed',
          'skipped',
        )
        const afterMs = Math.min(ms, this.delay())
        const answer = { status, message: status, durationMs: afterMs }
        return { afterMs, event: { type: 'test.concluded', test, attempt, answer } }
      }
      default:
        return null
    }
  }

  /** What those who watch say at the end of a window; null when that is nothing new. */
  say(watch: Watch): RolloutEvent | null {
    const [kind, ...others] = SIGNS[this.#temper]
    const sign = this.#dice.pick(kind, ...others)
    return watch.activity.kind === 'probe' ? health(watch, sign) : judgement(watch.activity, sign)
  }

  /** Anything a person may press, and anything else that may come out of the blue. */
  interfere({ version, stable }: { readonly version: string; readonly stable: string | null }): RolloutEvent {
    const exited = { type: 'version.exited', reason: 'killed' } as const
    return this.#dice.pick<RolloutEvent>(
      { type: 'resume.requested' },
      { type: 'pause.requested' },
      { type: 'pause.requested' },
      ...PRESSED,
      { ...exited, version },
      { ...exited, version: stable ?? 'v0' },
      { type: 'claim.lost', by: 'another rollout' },
    )
  }
}

const reason = 'a person says so'
/** Most of the time things take their time, and no more. */
const USUALLY = Array.from({ length: 16 }, (_, i) => 100 + 20 * i)
/** What people ask for. */
const PRESSED: readonly RolloutEvent[] = [
  { type: 'promote.requested' },
  { type: 'promote.requested', full: true },
  { type: 'swap.requested' },
  { type: 'monitor.requested' },
  ...[0, 5, 50, 100].map((percent) => ({ type: 'weight.requested', weight: weight(percent) }) as const),
  { type: 'abort.requested', reason },
  { type: 'abort.requested', reason, force: true },
]

/** What a patient person tries, in this order, where nothing goes on by itself. */
export const PATIENCE: readonly RolloutEvent[] = [
  { type: 'resume.requested' },
  { type: 'swap.requested' },
  { type: 'monitor.requested' },
  { type: 'promote.requested', full: true },
  { type: 'abort.requested', reason: 'it does not go on', force: true },
]

const HEALTH = {
  pass: 'healthy',
  doubt: 'suspect',
  harm: 'unhealthy',
  silence: null,
  error: 'suspect',
} as const

/** Probes say only what is new. */
function health(watch: Watch, sign: Sign): RolloutEvent | null {
  const { version } = watch.activity
  const said = HEALTH[sign]
  if (said === null || said === watch.said) return null
  watch.said = said
  return { type: 'probe.concluded', version, health: said, reason: said }
}

type Analysing = Extract<Activity, { kind: 'analysis' }>

function judgement({ generation }: Analysing, sign: Sign): RolloutEvent {
  const seen = { type: 'analysis.concluded', generation, current: null, baseline: null } as const
  switch (sign) {
    case 'pass':
      return { ...seen, verdict: { kind: 'pass' }, suspicion: 'cleared', observedMs: WINDOW_MS }
    case 'doubt': {
      const verdict = { kind: 'inconclusive', cause: 'underpowered', reason: 'suspected' } as const
      return { ...seen, verdict, suspicion: 'raised', observedMs: 0 }
    }
    case 'harm':
      return {
        ...seen,
        verdict: { kind: 'fail', check: 'error-rate', reason: 'too many' },
        suspicion: 'raised',
        observedMs: 0,
      }
    case 'silence': {
      const verdict = { kind: 'inconclusive', cause: 'no-traffic', reason: 'nobody came' } as const
      return { ...seen, verdict, suspicion: 'unchanged', observedMs: 0 }
    }
    case 'error':
      return {
        ...seen,
        verdict: { kind: 'error', reason: 'no metrics' },
        suspicion: 'unchanged',
        observedMs: 0,
      }
  }
}
