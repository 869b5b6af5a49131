import type { InconclusiveCause, Suspicion, Verdict } from '../analysis/verdict.ts'
// The words of scenario files: how an event is written, and how a command is read. The names are those of the machines,
// the journal and the command line; weights have a %, times a unit, and `#3` is the third change of traffic.
import type { Generation } from '../events/generation.ts'
import type { Cause, Ending } from '../events/outcome.ts'
import type { RolloutEvent, RolloutEventOf, TimerName } from '../events/rollout-event.ts'
import type { Split } from '../events/share.ts'
import { toMs, weight } from '../units.ts'

/** One line of a scenario, taken apart word by word; a word that nobody takes is a mistake of its author. */
export class Line {
  readonly text: string
  readonly reason: string | undefined
  readonly by: string | undefined
  #words: readonly string[]

  constructor(text: string) {
    this.text = text
    const [head = '', ...tail] = text.split(' because ')
    this.reason = tail.length === 0 ? undefined : tail.join(' because ')
    const [words = '', by] = head.split(' by ')
    this.by = by
    this.#words = words.split(/\s+/).filter((word) => word !== '')
  }

  /** The first word that looks like this, and is gone then. */
  take(pattern: RegExp): string | undefined {
    const at = this.#words.findIndex((word) => pattern.test(word))
    const word = this.#words[at]
    if (word !== undefined) this.#words = this.#words.toSpliced(at, 1)
    return word
  }

  /** The same, where it has to be there. */
  need(what: string, pattern = /^/): string {
    const word = this.take(pattern)
    if (word === undefined) throw new SyntaxError(`'${this.text}' does not say ${what}`)
    return word
  }

  /** The value of `name=value`. */
  field(name: string): string | undefined {
    return this.take(new RegExp(`^${name}=`))?.slice(name.length + 1)
  }

  flag(word: string): boolean {
    return this.take(new RegExp(`^${word}$`)) !== undefined
  }

  /** Nothing may be left. */
  end(): void {
    if (this.#words.length > 0) throw new SyntaxError(`'${this.text}': what is '${this.#words.join(' ')}'?`)
  }
}

const WEIGHT = /^[\d.]+%$/
const DURATION = /^\d[\d.]*(?:ms|h|m|s)/
const SHARE = /^\S+=[\d.]+%$/
const GENERATION = /^#(?:\d+\.)?\d+$/
const CHILD = /^\S+\/\d+$/

type Reader<T extends RolloutEvent['type']> = (line: Line, claim: number) => Omit<RolloutEventOf<T>, 'type'>
type Elapsed = `${TimerName}.elapsed`

const asked = ({ by, reason }: Line) => ({
  ...(by === undefined ? {} : { by }),
  ...(reason === undefined ? {} : { reason }),
})
const why = (line: Line) => line.reason ?? 'no reason given'
const version = (line: Line) => line.need('which version')

const readers: { readonly [T in Exclude<RolloutEvent['type'], Elapsed>]: Reader<T> } = {
  'rollout.requested': () => ({}),
  'rollout.unparked': () => ({}),
  'pause.requested': asked,
  'resume.requested': asked,
  'promote.requested': (line) => ({ ...asked(line), ...(line.flag('full') ? { full: true } : {}) }),
  'abort.requested': (line) => {
    const cause = line.field('cause')
    return {
      ...asked(line),
      ...(line.flag('force') ? { force: true } : {}),
      ...(cause === undefined ? {} : { cause: cause as Cause }),
    }
  },
  'weight.requested': (line) => ({ ...asked(line), weight: weightOf(line.need('how much', WEIGHT)) }),
  'swap.requested': asked,
  'monitor.requested': (line) => {
    const bake = line.take(DURATION)
    return { ...asked(line), ...(bake === undefined ? {} : { bakeMs: toMs(bake) }) }
  },
  'version.ready': (line) => {
    const name = version(line)
    return { version: name, endpoints: [{ instance: `${name}-1`, url: 'http://127.0.0.1:4000' }] }
  },
  'version.failed': (line) => ({ version: version(line), reason: why(line) }),
  'version.exited': (line) => ({ version: version(line), reason: why(line) }),
  'version.moved': (line) => ({ version: version(line), endpoints: [] }),
  'version.stopped': (line) => ({ version: version(line) }),
  'traffic.shifted': (line, claim) => ({ generation: generationOf(line, claim), split: splitOf(line) }),
  'traffic.rejected': (line, claim) => ({ generation: generationOf(line, claim), reason: why(line) }),
  'traffic.drained': (line) => ({ version: version(line), cut: Number(line.field('cut') ?? 0) }),
  'analysis.concluded': (line, claim) => {
    const generation = generationOf(line, claim)
    const observed = line.take(DURATION)
    const suspicion = line.take(/^(?:raised|cleared|unchanged)$/)
    const verdict = verdictOf(line)
    return {
      generation,
      verdict,
      suspicion: (suspicion ?? SUSPICION[verdict.kind]) as Suspicion,
      observedMs: observed === undefined ? 0 : toMs(observed),
      current: null,
      baseline: null,
    }
  },
  'probe.concluded': (line) => {
    const health = line.need('how it is', /^(?:healthy|suspect|unhealthy)$/)
    return {
      version: version(line),
      health: health as RolloutEventOf<'probe.concluded'>['health'],
      reason: line.reason ?? health,
    }
  },
  'test.concluded': (line) => {
    const status = line.need('how it went', /^(?:passed|failed|skipped)$/)
    const attempt = Number(line.field('attempt') ?? 1)
    const answer = { status: status as 'passed', message: line.reason ?? status, durationMs: 10 }
    return { test: line.need('which test'), attempt, answer }
  },
  'child.ended': (line) => {
    const [slot = '', run] = line.need('which child, as slot/run', CHILD).split('/')
    const cause = (line.field('cause') ?? null) as Cause | null
    const status = line.need('how it ended') as Ending
    return { slot, run: Number(run), outcome: { status, cause, reason: line.reason ?? null } }
  },
  'claim.lost': ({ by }) => ({ by: by ?? 'someone else' }),
  'rollout.parked': (line) => ({ reason: why(line) }),
  'deployment.tracked': (line) => ({
    version: line.field('version') ?? 'v2',
    strategy: line.field('strategy') ?? 'canary',
    id: line.need('which deployment'),
  }),
  'deployment.untracked': (line) => ({ id: line.need('which deployment') }),
}

const SUSPICION: { readonly [K in Verdict['kind']]: Suspicion } = {
  pass: 'cleared',
  fail: 'raised',
  inconclusive: 'unchanged',
  error: 'unchanged',
}

/** Reads one event; `claim` is what `#3` belongs to. */
export function eventOf(text: string, claim: number): RolloutEvent {
  const line = new Line(text)
  const type = line.need('what happened')
  const event = isElapsed(type) ? { type } : { type, ...readerOf(type)(line, claim) }
  line.end()
  return event as RolloutEvent
}

/** The timer whose end an event is. */
export function timerOf({ type }: RolloutEvent): TimerName | null {
  return isElapsed(type) ? (type.slice(0, -'.elapsed'.length) as TimerName) : null
}

function isElapsed(type: string): type is Elapsed {
  return /^(?:budget|deadline|progress|retire|retry)\.elapsed$/.test(type)
}

function readerOf(type: string): (line: Line, claim: number) => object {
  const known: Readonly<Record<string, (line: Line, claim: number) => object>> = readers
  const reader = known[type]
  if (reader === undefined) throw new SyntaxError(`there is no event '${type}'`)
  return reader
}

function verdictOf(line: Line): Verdict {
  const kind = line.need('the verdict', /^(?:pass|fail|inconclusive|error)$/) as Verdict['kind']
  switch (kind) {
    case 'pass':
      return { kind }
    case 'fail':
      return { kind, check: line.need('which check'), reason: why(line) }
    case 'inconclusive':
      return { kind, cause: line.need('why not') as InconclusiveCause, reason: why(line) }
    case 'error':
      return { kind, reason: why(line) }
  }
}

function splitOf(line: Line): Split {
  if (line.flag('nowhere')) return []
  const shares: { version: string; weight: ReturnType<typeof weight> }[] = []
  for (let word = line.take(SHARE); word !== undefined; word = line.take(SHARE)) {
    const [name = '', percent = ''] = word.split('=')
    shares.push({ version: name, weight: weightOf(percent) })
  }
  return shares
}

function weightOf(word: string): ReturnType<typeof weight> {
  return weight(Number(word.slice(0, -1)))
}

function generationOf(line: Line, claim: number): Generation {
  const [n = '', of] = line
    .need('which change of traffic, as #n', GENERATION)
    .slice(1)
    .split('.')
    .toReversed()
  return { claim: of === undefined ? claim : Number(of), n: Number(n) }
}
