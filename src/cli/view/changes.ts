// A rollout as lines of a log: one for each thing that changed, for pipes and CI.
import type { RolloutView } from '../../engine/view.ts'
import { plain } from '../text.ts'
import { latency, rate } from './format.ts'
import { callForPerson, costWords, endWords, journey, splitWords, verdictWords } from './words.ts'

type Line = (view: RolloutView) => string | null

/** What is worth a line when it changes; null while there is nothing to say. */
interface Fact {
  readonly line: Line
  /** What has to change for it to be worth another line; the line itself when left out. */
  readonly key?: Line
}

const FACTS: readonly Fact[] = [
  { line: (view) => `${view.strategy} ${journey(view)}` },
  { line: whileGoingOn((view) => view.state) },
  { line: whileGoingOn(stepWords) },
  { line: (view) => `traffic: ${splitWords(view)}` },
  // The figures in a reason change with each window: what is worth a line is another kind of verdict.
  {
    line: whileGoingOn((view) => view.verdict && verdictWords(view.verdict)),
    key: (view) => view.verdict && kindOf(view.verdict),
  },
  { line: callForPerson },
  { line: atTheEnd(endWords) },
  { line: atTheEnd(costWords) },
]

/** The lines for what is new in `after`; without `before`, where it stands. Each begins with the rollout's id. */
export function changesOf(before: RolloutView | undefined, after: RolloutView): readonly string[] {
  const news = FACTS.filter(({ line, key = line }) => before === undefined || key(before) !== key(after))
  return news.flatMap(({ line }) => line(after) ?? []).map((line) => named(after, line))
}

/** Where a rollout stands, in one line: so that a log which is silent for long still shows that someone is at work. */
export function heartbeatOf(view: RolloutView): string {
  const { state, version, stable, current, baseline } = view
  const parts = [
    state,
    stepWords(view),
    splitWords(view),
    figures(version, current),
    figures(stable, baseline),
    costWords(view),
    callForPerson(view),
  ]
  return named(view, parts.filter((part) => part !== null).join(', '))
}

/** `step 3 of 5`; null where there are no steps. */
function stepWords({ step }: RolloutView): string | null {
  return step === null ? null : `step ${step.index} of ${step.of}`
}

function figures(version: string | null, seen: RolloutView['current']): string | null {
  if (version === null || seen === null) return null
  return `${plain(version)} errors ${rate(seen.errorRate)} p99 ${latency(seen.latency.p99)}`
}

function kindOf(verdict: NonNullable<RolloutView['verdict']>): string {
  return verdict.kind === 'inconclusive' ? verdict.cause : verdict.kind
}

function whileGoingOn(line: Line): Line {
  return (view) => (view.status === 'ended' ? null : line(view))
}

function atTheEnd(line: Line): Line {
  return (view) => (view.status === 'ended' ? line(view) : null)
}

function named({ id }: RolloutView, line: string): string {
  const name = plain(id)
  return line.startsWith(`${name} `) ? line : `${name} ${line}`
}
