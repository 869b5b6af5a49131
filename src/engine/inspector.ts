import type { AnyMachineSnapshot } from 'xstate'

import type { RolloutEvent } from '../events/rollout-event.ts'

/** Watches the machines of rollouts, as the Stately inspector does. It sees everything and decides nothing. */
export interface RolloutInspector {
  /** A rollout began, or goes on after a restart: its machine, and where it is. */
  started(rollout: {
    readonly id: string
    /** The rollout that started it; null for one that people started. */
    readonly parent: string | null
    readonly machine: AnyMachineSnapshot['machine']
    readonly snapshot: AnyMachineSnapshot
  }): void
  /** What happened to it, and where that led. */
  stepped(step: {
    readonly id: string
    readonly event: RolloutEvent
    readonly snapshot: AnyMachineSnapshot
  }): void
  ended(id: string): void
}
