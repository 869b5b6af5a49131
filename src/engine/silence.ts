// While the store is silent, nothing is done but this: an event that takes traffic back has its reserved return applied at
// once, and is the first to be journalled when the store answers.
import type { Command, ReservedReturn } from '../machines/index.ts'
import { rescueSpec } from './children.ts'
import type { Due, Plan } from './plan.ts'
import type { RolloutRecord, ServiceRecord } from './record.ts'
import type { RollbackSpec } from './spec.ts'
import { leadsBack, wayBack } from './way-back.ts'

/** What the silence needs of the service that waits. */
export interface Waiting {
  record(): ServiceRecord
  rollout(id: string): RolloutRecord | undefined
  /** What an event would lead to; null for nothing. */
  think(due: Due): Plan | null
  /** Applies a reserved return. */
  returnNow(rollout: string, way: ReservedReturn): void
}

/** An event whose return was applied before it could be journalled. */
export interface Urgent {
  readonly due: Due
  /** The same as an act of its own, for when the rollout has ended by then. */
  readonly instead: RollbackSpec | null
}

export class Silence {
  readonly #service: Waiting
  #isOn = false
  #urgent: Urgent | null = null
  #applied: ReservedReturn | null = null

  constructor(service: Waiting) {
    this.#service = service
  }

  get isOn(): boolean {
    return this.#isOn
  }

  /** While a return is in force that no commit knows of, nothing may move forward. */
  forbids(command: Command): boolean {
    const isMove = command.type === 'shiftTraffic' && this.#applied !== null
    return isMove && JSON.stringify(command.params.split) !== JSON.stringify(this.#applied?.split)
  }

  /** The store does not answer while `next`, made of `due`, waits for it. */
  fall(next: Plan, due: Due | null, waiting: Iterable<Due>): void {
    this.#isOn = true
    const rollout = due === null ? this.#holder() : this.#service.rollout(due.rollout)
    const way = rollout === undefined ? null : wayBack(this.#service.record(), rollout)
    if (rollout !== undefined && way !== null && leadsBack(next, { way, asked: due?.event ?? next.event })) {
      this.#apply(rollout.id, way)
    } else {
      for (const each of waiting) this.hear(each)
    }
  }

  /** An event that has to wait: the first that takes traffic back is remembered as urgent. */
  hear(due: Due): void {
    if (!this.#isOn || this.#urgent !== null) return
    const rollout = this.#service.rollout(due.rollout)
    const way = rollout === undefined ? null : wayBack(this.#service.record(), rollout)
    if (rollout === undefined || way === null) return
    const next = this.#service.think(due)
    if (next === null || !leadsBack(next, { way, asked: due.event })) return
    this.#urgent = { due, instead: rescueSpec(rollout, due.event) }
    this.#apply(rollout.id, way)
  }

  /** The store has answered. */
  end(): void {
    this.#isOn = false
  }

  /** What is to be journalled first, once. */
  take(): Urgent | null {
    const urgent = this.#urgent
    this.#urgent = null
    return urgent
  }

  /** What was applied is known to the journal, or is no longer wanted. */
  settle(): void {
    this.#applied = null
  }

  #holder(): RolloutRecord | undefined {
    const { lock } = this.#service.record()
    return lock === null ? undefined : this.#service.rollout(lock)
  }

  #apply(rollout: string, way: ReservedReturn): void {
    if (JSON.stringify(way) === JSON.stringify(this.#applied)) return
    this.#applied = way
    this.#service.returnNow(rollout, way)
  }
}
