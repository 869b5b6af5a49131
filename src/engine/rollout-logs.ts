import type { Logger } from './log.ts'

/** One child of the log for each rollout: whatever is said of it carries its name. */
export class RolloutLogs {
  readonly #log: Logger
  readonly #children = new Map<string, Logger>()

  constructor(log: Logger) {
    this.#log = log
  }

  of(rollout: string): Logger {
    const child = this.#children.get(rollout) ?? this.#log.child({ rollout })
    this.#children.set(rollout, child)
    return child
  }

  /** Lets go of the child of a rollout that has ended. */
  forget(rollout: string): void {
    this.#children.delete(rollout)
  }
}
