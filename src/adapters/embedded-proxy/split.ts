/** One part of a split: how much of 10,000 it gets, and what it stands for. */
export interface Part<T> {
  readonly weight: number
  readonly value: T
}

const WHOLE = 10_000

/**
 * Deals values out by weight, exactly: after any number of turns each value was dealt within one turn of its share, and
 * after each 10,000 turns exactly its weight. Deterministic. The rule is R. Tijdeman's for the chairman assignment
 * problem (Discrete Mathematics 32, 1980): of those that are due, the one whose deadline comes first.
 */
export class Split<T> {
  readonly #seats: { readonly weight: number; readonly value: T; credit: number }[]
  /** Who has at least this much credit is due. */
  readonly #due: number

  /** The weights sum to 10,000; parts without weight are never dealt. */
  constructor(parts: readonly Part<T>[]) {
    this.#seats = parts.filter(({ weight }) => weight > 0).map((part) => ({ ...part, credit: 0 }))
    this.#due = WHOLE / Math.max(2, 2 * this.#seats.length - 2)
  }

  /** The next value; null when no part has a weight. */
  next(): T | null {
    const [only] = this.#seats
    if (only === undefined || this.#seats.length === 1) return only?.value ?? null
    for (const seat of this.#seats) seat.credit += seat.weight
    let [chosen, earliest] = [only, Infinity]
    for (const seat of this.#seats) {
      const deadline = (WHOLE - this.#due - seat.credit) / seat.weight
      if (seat.credit < this.#due || deadline >= earliest) continue
      chosen = seat
      earliest = deadline
    }
    chosen.credit -= WHOLE
    return chosen.value
  }
}
