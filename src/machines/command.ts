// What a machine may ask the engine to do. One interface, a derived union, one table of named XState actions that do
// nothing: a machine only asks.
import type { Generation } from '../events/generation.ts'
import type { OperatorEvent, TimerName } from '../events/rollout-event.ts'
import type { Split } from '../events/share.ts'

/** The strategies a machine can name as a child; machines never import each other. */
export type StrategyName = 'blue-green' | 'canary' | 'pipeline' | 'rollback' | 'smoke'

/** Every command with what it needs; imperative, level-triggered: it says what should be true, and may be repeated. */
export interface Commands {
  /** Make instances of a version run and prove them healthy. Answered by `version.ready` or `version.failed`. */
  readonly startVersion: { readonly version: string }
  /** Let no instance of a version run. Answered by `version.stopped`. */
  readonly stopVersion: { readonly version: string }
  /** Make the split true and read it back. Answered by `traffic.shifted` or `traffic.rejected`, same generation. */
  readonly shiftTraffic: { readonly split: Split; readonly generation: Generation }
  /** Wait for a version's open requests; cut what is left after `ms`. Answered by `traffic.drained`. */
  readonly drainVersion: { readonly version: string; readonly ms: number }
  /** Answered by `<timer>.elapsed`; starting a timer that runs starts it afresh. */
  readonly startTimer: { readonly timer: TimerName; readonly ms: number }
  readonly cancelTimer: { readonly timer: TimerName }
  /** Run one attempt of a smoke test, given up after `ms`. Answered by `test.concluded`. */
  readonly runTest: { readonly test: string; readonly attempt: number; readonly ms: number }
  /** Start the child rollout `<parent>/<slot>/<run>`, if there is none yet. Answered by `child.ended`. */
  readonly startChild: { readonly slot: string; readonly run: number; readonly strategy: StrategyName }
  /** Pass an operator's event down to a child. */
  readonly tellChild: { readonly slot: string; readonly run: number; readonly event: OperatorEvent }
  /** Call for a person. */
  readonly page: { readonly message: string }
}

export type Command = {
  [K in keyof Commands]: { readonly type: K; readonly params: Commands[K] }
}[keyof Commands]

/** The actions a machine's `setup()` is given: they do nothing, they are only asked for. */
export const commands = {
  startVersion: (_: unknown, _params: Commands['startVersion']) => {},
  stopVersion: (_: unknown, _params: Commands['stopVersion']) => {},
  shiftTraffic: (_: unknown, _params: Commands['shiftTraffic']) => {},
  drainVersion: (_: unknown, _params: Commands['drainVersion']) => {},
  startTimer: (_: unknown, _params: Commands['startTimer']) => {},
  cancelTimer: (_: unknown, _params: Commands['cancelTimer']) => {},
  runTest: (_: unknown, _params: Commands['runTest']) => {},
  startChild: (_: unknown, _params: Commands['startChild']) => {},
  tellChild: (_: unknown, _params: Commands['tellChild']) => {},
  page: (_: unknown, _params: Commands['page']) => {},
} satisfies { [K in keyof Commands]: (_: unknown, params: Commands[K]) => void }

interface Asked {
  readonly type: string
  readonly params: unknown
}

const isCommand = (asked: Asked): asked is Command => Object.hasOwn(commands, asked.type)

/** Keeps what is a command; XState's own bookkeeping (`xstate.*`) is not; anything else is a bug in a machine. */
export function collect(into: Command[], { type, params }: { type: string; params?: unknown }): void {
  const asked = { type, params }
  if (isCommand(asked)) into.push(asked)
  else if (!type.startsWith('xstate.')) throw new TypeError(`'${type}' is not a command`)
}

/** What a command is about. Two commands about one thing never run side by side: the newest replaces the older. */
export function resourceOf(command: Command): string {
  switch (command.type) {
    case 'startVersion':
    case 'stopVersion':
      return `version:${command.params.version}`
    case 'shiftTraffic':
      return 'traffic'
    case 'drainVersion':
      return `drain:${command.params.version}`
    case 'startTimer':
    case 'cancelTimer':
      return `timer:${command.params.timer}`
    case 'runTest':
      return `test:${command.params.test}`
    case 'startChild':
      return `child:${command.params.slot}/${command.params.run}`
    case 'tellChild':
      return `word:${command.params.slot}/${command.params.run}`
    case 'page':
      return 'page'
  }
}
