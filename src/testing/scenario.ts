// Scenarios: what happens, in plain text, with the answers of the machine written under it.
//
//     # A comment says what an operator should know.
//
//     canary v2 over v1 steps=5%:30s,25%:30s
//     -> staging
//        startVersion v2
//
//     version.ready v2
//     traffic.shifted v1=95% v2=5% #1
//     -> shifting -> monitoring
//
// A block is one event, and under it the state it led to and what was asked for. A block of several events is the way to
// where the scenario gets interesting: only its states are written. A line that names a strategy starts anew.
import type { AnyMachineSnapshot } from 'xstate'

import type { Outcome } from '../events/outcome.ts'
import type { TimerName, RolloutEvent } from '../events/rollout-event.ts'
import type { Command, Ready, Strategy } from '../machines/index.ts'
import { pathOf } from '../machines/index.ts'
import { formatMs } from '../units.ts'
import { arrowsTaken, unborn } from './arrows.ts'
import { given } from './scenario-given.ts'
import { commandText, watchText } from './scenario-print.ts'
import { eventOf, timerOf } from './scenario-words.ts'

/** A scenario, played. */
export interface Replay {
  /** The file as it should be: its comments and events as they were, the answers as they are now. */
  readonly text: string
  /** The arrows that were walked, as {@link arrowsTaken} names them. */
  readonly arrows: readonly string[]
  /** The paths of the states that were reached. */
  readonly states: readonly string[]
}

/**
 * Plays a scenario file.
 * @throws SyntaxError for a line that can't be read, and for a timer that rings without running
 */
export function replay(text: string, strategies: Readonly<Record<string, Strategy>>): Replay {
  const players: Player[] = []
  const blocks = text.trimEnd().split(/\n{2,}/)
  const played = blocks.map((block) => {
    const lines = block.split('\n').filter((line) => !/^(?:->| )/.test(line))
    const answers = lines
      .filter((line) => !line.startsWith('#'))
      .map((line) => {
        if (!isStart(line)) return playerOf(players, line).play(line)
        const player = new Player(line, strategies)
        players.push(player)
        return player.start()
      })
    return [...lines, ...(answers.length > 1 ? [theWay(answers)] : answers)].join('\n')
  })
  return {
    text: `${played.join('\n\n')}\n`,
    arrows: players.flatMap(({ arrows }) => arrows),
    states: players.flatMap(({ states }) => states),
  }
}

/** Events have a dot in their name, strategies have none. */
function isStart(line: string): boolean {
  return /^[a-z-]+(?: |$)/.test(line)
}

function playerOf(players: readonly Player[], line: string): Player {
  const player = players.at(-1)
  if (player === undefined) throw new SyntaxError(`'${line}': nothing has been started`)
  return player
}

/** Only the states of several answers, in a row. */
function theWay(answers: readonly string[]): string {
  return answers.map((answer) => answer.split('\n')[0]).join(' ')
}

class Player {
  readonly arrows: string[] = []
  readonly states: string[] = []
  readonly #strategy: Strategy
  readonly #input: unknown
  readonly #claim: number
  readonly #timers = new Set<TimerName>()
  #snapshot: AnyMachineSnapshot | null = null

  constructor(line: string, strategies: Readonly<Record<string, Strategy>>) {
    const { strategy, input, claim } = given(line)
    const known = strategies[strategy]
    if (known === undefined) throw new SyntaxError(`there is no strategy '${strategy}'`)
    this.#strategy = known
    this.#input = input
    this.#claim = claim
  }

  start(): string {
    const unrequested = unborn(this.#strategy, this.#input)
    this.states.push(pathOf(unrequested.value))
    this.arrows.push(...arrowsTaken(this.#strategy, unrequested, { type: 'rollout.requested' }))
    return this.#answer(this.#strategy.start(this.#input), '')
  }

  play(line: string): string {
    const before = this.#snapshot
    if (before === null) throw new Error('a scenario has to be started')
    const event = eventOf(line, this.#claim)
    const timer = timerOf(event)
    if (timer !== null && !this.#timers.delete(timer)) {
      throw new SyntaxError(`'${line}': the timer '${timer}' does not run`)
    }
    this.arrows.push(...arrowsTaken(this.#strategy, before, event))
    const ready = this.#strategy.step(before, event)
    return this.#answer(ready, isUnmoved(before, ready) ? unmoved(event) : '')
  }

  #answer({ snapshot, commands }: Ready<AnyMachineSnapshot>, note: string): string {
    for (const command of commands) this.#follow(command)
    const before = this.#snapshot
    this.#snapshot = snapshot
    const path = pathOf(snapshot.value)
    this.states.push(path)
    const rows = [
      ...commands.map((command) => commandText(command, this.#claim)),
      ...this.#news(before, snapshot),
    ]
    return [`-> ${path}${note}`, ...rows.map((row) => `   ${row}`)].join('\n')
  }

  /** What else is to be seen of it, where it is no longer what it was. */
  #news(before: AnyMachineSnapshot | null, after: AnyMachineSnapshot): readonly string[] {
    const is = this.#sights(after)
    const was = before === null ? NOTHING_YET : this.#sights(before)
    return is.filter((sight, i) => sight !== was[i])
  }

  #sights(of: AnyMachineSnapshot): readonly string[] {
    return [
      watchText(this.#strategy.activitiesOf(of), this.#claim),
      ...notes(of.context),
      outcomeText(this.#strategy.outcomeOf(of)),
    ]
  }

  #follow({ type, params }: Command): void {
    if (type === 'startTimer') this.#timers.add(params.timer)
    if (type === 'cancelTimer') this.#timers.delete(params.timer)
  }
}

function isUnmoved(before: AnyMachineSnapshot, { snapshot, commands }: Ready<AnyMachineSnapshot>): boolean {
  return (
    commands.length === 0 &&
    snapshot.context === before.context &&
    pathOf(snapshot.value) === pathOf(before.value)
  )
}

/** A person is told when nothing comes of what was asked; the world is not. */
function unmoved({ type }: RolloutEvent): string {
  return type.endsWith('.requested') ? ' (refused)' : ' (ignored)'
}

/** What is seen of a rollout of which nothing is known. */
const NOTHING_YET = [watchText([], 0), ...notes({}), outcomeText(null)]

/** What a machine remembers that a reader can not see in its state. */
function notes({
  cause,
  reason,
  observedMs,
  suspects,
  hold,
}: Readonly<Record<string, unknown>>): readonly string[] {
  const why = [cause, reason].filter((part) => typeof part === 'string')
  const suspected = Array.isArray(suspects) ? suspects : []
  return [
    typeof observedMs === 'number' && observedMs > 0
      ? `observed ${formatMs(observedMs)}`
      : 'observed nothing yet',
    suspected.length > 0 ? `suspected by ${suspected.join(' and ')}` : 'suspected by nobody',
    hold === true ? 'held by a person' : 'held by nobody',
    why.length > 0 ? `because ${why.join(': ')}` : 'because of nothing any more',
  ]
}

function outcomeText(outcome: Outcome | null): string {
  if (outcome === null) return 'no outcome'
  const { status, cause, reason } = outcome
  const why = [cause, reason].filter((part) => part !== null).join(': ')
  return why === '' ? `outcome ${status}` : `outcome ${status}, ${why}`
}
