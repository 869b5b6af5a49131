// What an onlooker makes of a history, knowing nothing of how a machine thinks.
import type { RolloutEvent } from '../../src/events/rollout-event.ts'
import { shareOf, type Split } from '../../src/events/share.ts'
import { pathOf, type ReleaseInput } from '../../src/machines/index.ts'
import type { Command } from '../../src/machines/index.ts'
import type { History, Moment, Setting } from '../../src/testing/world/world.ts'

export type Shift = Extract<Command, { type: 'shiftTraffic' }>['params']

export const after = ({ after: { value } }: Moment) => pathOf(value)
export const before = ({ before: snapshot }: Moment) => (snapshot === null ? '' : pathOf(snapshot.value))

export function shiftsOf({ commands }: Pick<Moment, 'commands'>): readonly Shift[] {
  return commands.flatMap(({ type, params }) => (type === 'shiftTraffic' ? [params] : []))
}

/** Whether a version gets everything; null stands for nowhere. */
export function isAll(split: Split | undefined, version: string | null): boolean {
  if (split === undefined) return false
  return version === null ? split.length === 0 : shareOf(split, version) === 10_000
}

/** A moment with the change of traffic that was asked for last, before it and after it. */
export interface Row {
  readonly moment: Moment
  readonly asked: Shift | undefined
  readonly now: Shift | undefined
}

/** The moments of one rollout. */
export function rowsOf({ moments }: History, member = 'root'): readonly Row[] {
  let now: Shift | undefined
  return moments
    .filter((moment) => moment.member === member)
    .map((moment) => {
      const asked = now
      now = shiftsOf(moment).at(-1) ?? asked
      return { moment, asked, now }
    })
}

/** Whether an event is about the change of traffic that was asked for last. */
export function isCurrent(event: RolloutEvent | null, asked: Shift | undefined): boolean {
  if (event === null || !('generation' in event) || asked === undefined) return false
  const { claim, n } = asked.generation
  return event.generation.claim === claim && event.generation.n === n
}

/** Whether more is asked for the version than before. */
export function isRaised({ asked, now }: Row, version: string): boolean {
  return shareOf(now?.split ?? [], version) > shareOf(asked?.split ?? [], version)
}

/** The most that the new version may get by a step: what a person asked for, else what the step says. */
export function ceilingOf(
  { moment, asked }: Row,
  { version, input }: Pick<Setting, 'version' | 'input'>,
): number {
  const { event, after: snapshot } = moment
  if (event?.type === 'weight.requested') return event.weight
  if (after(moment) === 'promoting') return 10_000
  if (before(moment) === 'frozen') return shareOf(asked?.split ?? [], version)
  const { steps } = input as ReleaseInput
  return steps[(snapshot.context as { readonly step: number }).step]?.weight ?? 0
}

/** Whether the newest change of traffic of a rollout was confirmed with everything on a version. */
export function isReadBack(history: History, member: string, version: string | null): boolean {
  const rows = rowsOf(history, member)
  const newest = rows.at(-1)?.now
  return rows.some(
    ({ moment: { event } }) =>
      event?.type === 'traffic.shifted' && isCurrent(event, newest) && isAll(event.split, version),
  )
}

/** What those who watch said last about a version when more was asked for it. */
export function* raises(
  history: History,
  version: string,
): Iterable<{ readonly at: string; readonly doubts: readonly string[] }> {
  const said = { probe: 'healthy', analysis: 'cleared' }
  for (const row of rowsOf(history)) {
    const { event } = row.moment
    if (event?.type === 'probe.concluded' && event.version === version) said.probe = event.health
    if (
      event?.type === 'analysis.concluded' &&
      isCurrent(event, row.asked) &&
      event.suspicion !== 'unchanged'
    ) {
      said.analysis = event.suspicion
    }
    const doubts = [said.probe, said.analysis].filter((word) => word !== 'healthy' && word !== 'cleared')
    if (isRaised(row, version)) yield { at: after(row.moment), doubts }
    // A new split is judged afresh.
    if (row.now !== row.asked) said.analysis = 'cleared'
  }
}

/** How much of each bake had been observed when a window ended it, and how much should have been. */
export function* bakes(
  { moments }: History,
  { steps }: ReleaseInput,
): Iterable<{ readonly observedMs: number; readonly bakeMs: number }> {
  let observedMs = 0
  for (const moment of moments) {
    observedMs += before(moment) === 'monitoring' ? observedIn(moment) : 0
    if (endsBake(moment)) yield { observedMs, bakeMs: steps[stepBefore(moment)]?.bakeMs ?? 0 }
    if (beginsBake(moment)) observedMs = 0
  }
}

function observedIn({ event, before: was, after: is }: Moment): number {
  return event?.type === 'analysis.concluded' && is.context !== was?.context ? event.observedMs : 0
}

function endsBake(moment: Moment): boolean {
  const isWindow = moment.event?.type === 'analysis.concluded' && before(moment) === 'monitoring'
  return isWindow && /^(?:shifting|promoting|promoted|retiring)/.test(after(moment))
}

/** A person who goes on where it was frozen asks for the same step again, and what was seen of it counts. */
function beginsBake(moment: Moment): boolean {
  const isSame = moment.event?.type === 'resume.requested' && before(moment) === 'frozen'
  return after(moment) === 'shifting' && shiftsOf(moment).length > 0 && !isSame
}

function stepBefore({ before: was }: Moment): number {
  return (was?.context as { readonly step?: number } | undefined)?.step ?? 0
}
