import type { Answer } from './executor.ts'
import type { Clock } from './ports.ts'
import type { RolloutRecord, TimerRow } from './record.ts'

/** Rings the alarms that the records say are set: follows the rows, and keeps nothing of its own that matters. */
export class Timers {
  readonly #clock: Clock
  readonly #ring: (rollout: string, answer: Answer) => void
  readonly #set = new Map<string, { readonly due: number; readonly cancel: () => void }>()

  constructor(clock: Clock, ring: (rollout: string, answer: Answer) => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Makes the alarms of a rollout what its rows say. */
  follow({ id, timers }: Pick<RolloutRecord, 'id' | 'timers'>): void {
    const wanted = new Map(timers.map((row) => [key(id, row), row]))
    for (const [name, alarm] of this.#set) {
      if (!name.startsWith(`${id}#`) || wanted.get(name)?.due === alarm.due) continue
      alarm.cancel()
      this.#set.delete(name)
    }
    for (const [name, row] of wanted) if (!this.#set.has(name)) this.#start(id, row)
  }

  close(): void {
    for (const { cancel } of this.#set.values()) cancel()
    this.#set.clear()
  }

  #start(id: string, row: TimerRow): void {
    const name = key(id, row)
    const cancel = this.#clock.after(Math.max(0, row.due - this.#clock.now()), () => {
      this.#set.delete(name)
      this.#ring(id, { event: { type: `${row.timer}.elapsed` }, findings: { due: row.due } })
    })
    this.#set.set(name, { due: row.due, cancel })
  }
}

function key(id: string, { timer }: TimerRow): string {
  return `${id}#${timer}`
}
