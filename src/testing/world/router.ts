import { compareGenerations, type Generation } from '../../events/generation.ts'
import type { Split } from '../../events/share.ts'

/** What a router does with a change it is asked for, as its generations demand: older ones are refused. */
export class SimulatedRouter {
  #split: Split
  #generation: Generation = { claim: 0, n: 0 }

  constructor(split: Split) {
    this.#split = split
  }

  get split(): Split {
    return this.#split
  }

  get generation(): Generation {
    return this.#generation
  }

  /** Whether it is in force now. */
  apply(split: Split, generation: Generation): boolean {
    if (compareGenerations(generation, this.#generation) < 0) return false
    this.#split = split
    this.#generation = generation
    return true
  }
}
