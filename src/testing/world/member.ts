import type { AnyMachineSnapshot } from 'xstate'

import type { RolloutEvent, TimerName } from '../../events/rollout-event.ts'
import { resourceOf } from '../../machines/command.ts'
import { type Activity, type Command, pathOf, type Ready, type Strategy } from '../../machines/index.ts'
import { timerOf } from '../scenario-words.ts'

/** Something that is watched, and what was said of it last. */
export interface Watch {
  readonly activity: Activity
  /** When there is something to say next. */
  due: number
  said: string
}

/** One rollout in a world, kept the way the engine keeps it: snapshot, alarms as rows, and what is not answered yet. */
export class Member {
  readonly id: string
  readonly strategy: Strategy
  readonly claim: number
  readonly timers = new Map<TimerName, number>()
  readonly watches = new Map<string, Watch>()
  readonly unanswered = new Map<string, Command>()
  #snapshot: AnyMachineSnapshot

  constructor(
    id: string,
    strategy: Strategy,
    { claim, ready }: { claim: number; ready: Ready<AnyMachineSnapshot> },
  ) {
    this.id = id
    this.strategy = strategy
    this.claim = claim
    this.#snapshot = ready.snapshot
  }

  get snapshot(): AnyMachineSnapshot {
    return this.#snapshot
  }

  get path(): string {
    return pathOf(this.#snapshot.value)
  }

  get isOver(): boolean {
    return this.#snapshot.status !== 'active'
  }

  /** Whether an event still means something: an alarm does so only while it is set, and only once. */
  takes(event: RolloutEvent): boolean {
    const timer = timerOf(event)
    return timer === null || this.timers.delete(timer)
  }

  step(event: RolloutEvent): Ready<AnyMachineSnapshot> {
    return this.strategy.step(this.#snapshot, event)
  }

  /** Keeps what a step led to. */
  keep({ snapshot, commands }: Ready<AnyMachineSnapshot>, now: number): void {
    this.#snapshot = snapshot
    for (const command of commands) this.#note(command, now)
    if (this.isOver) this.timers.clear()
    this.#watch(now)
  }

  /** Forgets everything but what was written down. */
  crash(): void {
    const { machine } = this.strategy
    const stored: unknown = JSON.parse(JSON.stringify(machine.getPersistedSnapshot(this.#snapshot)))
    this.#snapshot = this.strategy.restore(stored)
    for (const watch of this.watches.values()) watch.said = ''
  }

  #note(command: Command, now: number): void {
    const { type, params } = command
    if (type === 'startTimer') this.timers.set(params.timer, now + params.ms)
    else if (type === 'cancelTimer') this.timers.delete(params.timer)
    else if (type !== 'page') this.unanswered.set(resourceOf(command), command)
  }

  #watch(now: number): void {
    const activities = this.isOver ? [] : this.strategy.activitiesOf(this.#snapshot)
    const wanted = new Set(activities.map(({ key }) => key))
    for (const key of this.watches.keys()) if (!wanted.has(key)) this.watches.delete(key)
    for (const activity of activities) {
      if (!this.watches.has(activity.key))
        this.watches.set(activity.key, { activity, due: now + WINDOW_MS, said: '' })
    }
  }
}

/** How often those who watch say something. */
export const WINDOW_MS = 10_000
