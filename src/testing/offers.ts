// Everything that may be told to a rollout, whether it fits or not.
import type { Generation } from '../events/generation.ts'
import type { Ending } from '../events/outcome.ts'
import type { RolloutEvent, RolloutEventOf } from '../events/rollout-event.ts'
import { allTo, type Split } from '../events/share.ts'
import { weight } from '../units.ts'
import type { Standing } from './explore.ts'

/** Who plays a part in what is explored. */
export interface Cast {
  readonly version: string
  readonly stable: string | null
  /** Versions beside these two. */
  readonly others?: readonly string[]
  readonly tests?: readonly string[]
  /** What verdicts are about, where the rollout moves no traffic itself. */
  readonly judged?: Generation
  /** How long a window of traffic is; two of them are a bake. */
  readonly windowMs: number
}

/** Every event that is offered where a rollout stands. */
export function offersAt(standing: Standing, cast: Cast): readonly RolloutEvent[] {
  const versions = [cast.version, cast.stable, ...(cast.others ?? [])].filter((version) => version !== null)
  return [
    ...ASKED,
    ...standing.timers.map((timer) => ({ type: `${timer}.elapsed` }) as const),
    ...versions.flatMap((version) => ofPlatform(version)),
    ...ofProbe(cast.version, ['healthy', 'suspect', 'unhealthy']),
    ...(cast.stable === null ? [] : ofProbe(cast.stable, ['healthy', 'unhealthy'])),
    ...ofRouter(standing, cast),
    ...ofAnalysis(generationsAt({ asked: askedOr(standing, cast) }), cast.windowMs),
    ...Object.entries(standing.children).flatMap(([slot, run]) => ofChild(slot, run)),
    ...Object.entries(standing.attempts).flatMap(([test, attempt]) => ofTest(test, attempt)),
    { type: 'rollout.requested' },
    { type: 'claim.lost', by: 'another rollout' },
  ]
}

/** Whether an event answers an older intent than the newest, or somebody else's. */
export function isStale(
  event: RolloutEvent,
  standing: Pick<Standing, 'asked'>,
  cast: Pick<Cast, 'judged'> = {},
): boolean {
  if (!('generation' in event)) return false
  const { claim, n } = event.generation
  const asked = event.type === 'analysis.concluded' ? askedOr(standing, cast) : standing.asked
  return asked === null || claim !== asked.generation.claim || n !== asked.generation.n
}

function askedOr({ asked }: Pick<Standing, 'asked'>, { judged }: Pick<Cast, 'judged'>): Asked | null {
  return asked ?? (judged === undefined ? null : { generation: judged })
}

/** What verdicts are about. */
interface Asked {
  readonly generation: Generation
}

const ASKED: readonly RolloutEvent[] = [
  { type: 'pause.requested' },
  { type: 'resume.requested' },
  { type: 'promote.requested' },
  { type: 'promote.requested', full: true },
  { type: 'swap.requested' },
  { type: 'monitor.requested' },
  { type: 'abort.requested' },
  { type: 'abort.requested', force: true },
  ...[10, 100].map((percent) => ({ type: 'weight.requested', weight: weight(percent) }) as const),
]

function ofPlatform(version: string): readonly RolloutEvent[] {
  const reason = 'the platform says so'
  return [
    { type: 'version.ready', version, endpoints: [] },
    { type: 'version.failed', version, reason },
    { type: 'version.exited', version, reason },
    { type: 'version.stopped', version },
    { type: 'traffic.drained', version, cut: 0 },
  ]
}

type Health = RolloutEventOf<'probe.concluded'>['health']

function ofProbe(version: string, healths: readonly Health[]): readonly RolloutEvent[] {
  return healths.map((health) => ({ type: 'probe.concluded', version, health, reason: health }))
}

interface Generations {
  readonly newest: Generation | null
  /** An older one of our own, and newer ones of a claim that is not ours. */
  readonly stale: readonly Generation[]
}

function generationsAt({ asked }: { readonly asked: Asked | null }): Generations {
  if (asked === null) return { newest: null, stale: [{ claim: 6, n: 1 }] }
  const { claim, n } = asked.generation
  return {
    newest: asked.generation,
    stale: [
      { claim, n: n - 1 },
      { claim: claim - 1, n },
      { claim: claim + 1, n },
    ],
  }
}

/** The newest, read back as asked or as something else; once it was, only that again. Stale ones with all that is wanted. */
function ofRouter(standing: Standing, { version, stable }: Cast): readonly RolloutEvent[] {
  const { asked, confirmed } = standing
  const { stale } = generationsAt(standing)
  const splits: readonly Split[] = [allTo(stable), allTo(version)]
  const read = asked === null ? [] : confirmed === null ? [asked.split, ...splits] : [confirmed]
  return [
    ...(asked === null ? [] : shifted(asked.generation, read)),
    ...stale.flatMap((generation) => shifted(generation, splits)),
  ]
}

function shifted(generation: Generation, splits: readonly Split[]): readonly RolloutEvent[] {
  return [
    ...splits.map((split) => ({ type: 'traffic.shifted', generation, split }) as const),
    { type: 'traffic.rejected', generation, reason: 'refused' },
  ]
}

function ofAnalysis({ newest, stale }: Generations, windowMs: number): readonly RolloutEvent[] {
  const [old] = stale
  return [
    ...(newest === null ? [] : judgements(newest, windowMs)),
    ...(old === undefined ? [] : judgements(old, 10 * windowMs)),
  ]
}

function judgements(generation: Generation, windowMs: number): readonly RolloutEvent[] {
  const seen = {
    type: 'analysis.concluded',
    generation,
    current: null,
    baseline: null,
    observedMs: 0,
  } as const
  const tooFew = { kind: 'inconclusive', cause: 'underpowered', reason: 'too few' } as const
  return [
    { ...seen, verdict: { kind: 'pass' }, suspicion: 'cleared', observedMs: windowMs },
    { ...seen, verdict: { kind: 'pass' }, suspicion: 'unchanged', observedMs: windowMs },
    { ...seen, verdict: tooFew, suspicion: 'unchanged' },
    { ...seen, verdict: tooFew, suspicion: 'raised' },
    { ...seen, verdict: { kind: 'fail', check: 'error-rate', reason: 'too many' }, suspicion: 'raised' },
    { ...seen, verdict: { kind: 'error', reason: 'no metrics' }, suspicion: 'unchanged' },
  ]
}

const ENDINGS: readonly Ending[] = ['promoted', 'rolled-back', 'superseded', 'failed', 'passed', 'aborted']

/** Of the newest run, and late of the one before. */
function ofChild(slot: string, run: number): readonly RolloutEvent[] {
  return [run, run - 1].flatMap((which) =>
    ENDINGS.map((status) => {
      const outcome = { status, cause: null, reason: null }
      return { type: 'child.ended', slot, run: which, outcome } as const
    }),
  )
}

function ofTest(test: string, attempt: number): readonly RolloutEvent[] {
  return [attempt, attempt - 1].flatMap((which) =>
    (['passed', 'failed', 'skipped'] as const).map((status) => {
      const answer = { status, message: status, durationMs: 1 }
      return { type: 'test.concluded', test, attempt: which, answer } as const
    }),
  )
}
