// What is being done for the rollouts of a service, kept in memory only: their machines' snapshots, their alarms, what is
// watched, and the commands that are carried out. All of it follows from the record, and is made anew from it.
import type { AnyMachineSnapshot } from 'xstate'

import { messageOf } from '../errors.ts'
import { type Command, strategies } from '../machines/index.ts'
import { type Answer, type Executable, Executor, type ExecutorDeps } from './executor.ts'
import type { Live, Plan } from './plan.ts'
import type { RolloutRecord, ServiceRecord } from './record.ts'
import { Timers } from './timers.ts'
import { Watchers } from './watchers.ts'

export interface HandsDeps extends ExecutorDeps {
  /** Whether a command must not be carried out now. */
  readonly forbids: (command: Command) => boolean
}

export class Hands {
  readonly #service: Executable
  readonly #forbids: HandsDeps['forbids']
  readonly #live = new Map<string, Live>()
  readonly #executor: Executor
  readonly #watchers: Watchers
  readonly #timers: Timers

  constructor(service: Executable, deps: HandsDeps) {
    this.#service = service
    this.#forbids = deps.forbids
    this.#executor = new Executor(service, deps)
    this.#watchers = new Watchers(service, deps)
    this.#timers = new Timers(deps.clock, (rollout, answer: Answer) => service.answer(rollout, answer))
  }

  live(id: string): Live | undefined {
    return this.#live.get(id)
  }

  /** Carries out what a committed step asks for, and watches what its state says is to be watched. */
  act({ rollout, snapshot, commands }: Plan): void {
    if (rollout === null) return
    const isOver = rollout.endedAt !== null
    if (isOver) this.forget(rollout.id)
    else if (snapshot !== null) this.#keep(rollout, snapshot)
    for (const command of commands) if (!this.#forbids(command)) this.#executor.perform(rollout.id, command)
    if (!isOver) this.#follow(rollout)
  }

  /** Goes on with a rollout as its record stands: its alarms, its activities, and the commands that wait for an answer. */
  goOn(rollout: RolloutRecord): void {
    this.#follow(rollout)
    for (const command of rollout.outbox)
      if (!this.#forbids(command)) this.#executor.resume(rollout.id, command)
  }

  /** Reads the snapshot in a record; false parks a rollout whose snapshot means nothing to its machine. */
  restore(rollout: RolloutRecord): boolean {
    try {
      this.#keep(rollout, strategies[rollout.strategy].restore(rollout.snapshot))
      return true
    } catch (error) {
      this.#service.park(rollout.id, `its state can't be read: ${messageOf(error)}`)
      return false
    }
  }

  /** Lets go of a rollout, and of its children. */
  forget(root: string): void {
    for (const id of new Set([root, ...this.#live.keys()])) {
      if (id !== root && !id.startsWith(`${root}/`)) continue
      this.#live.delete(id)
      this.#timers.follow({ id, timers: [] })
      this.#watchers.follow(id, [])
      this.#executor.drop(id)
    }
  }

  /** Lets go of every rollout that no longer goes on. */
  forgetAllBut(goesOn: (id: string) => boolean): void {
    for (const id of this.#live.keys()) if (!goesOn(id)) this.forget(id)
  }

  /** Carries out one command that no step asked for. */
  perform(rollout: string, command: Command): void {
    this.#executor.perform(rollout, command)
  }

  reroute(route: ServiceRecord['route']): void {
    this.#executor.reroute(route)
  }

  close(): void {
    this.#timers.close()
    this.#watchers.close()
    this.#executor.close()
  }

  #keep({ id, strategy }: RolloutRecord, snapshot: AnyMachineSnapshot): void {
    this.#live.set(id, { strategy: strategies[strategy], snapshot })
  }

  #follow(rollout: RolloutRecord): void {
    this.#timers.follow(rollout)
    const live = this.#live.get(rollout.id)
    if (live !== undefined) this.#watchers.follow(rollout.id, live.strategy.activitiesOf(live.snapshot))
  }
}
