/** Luck, from a list of numbers: the same list gives the same world. When it is spent, everything goes well. */
export class Dice {
  readonly #numbers: readonly number[]
  #at = 0

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers
  }

  get isSpent(): boolean {
    return this.#at >= this.#numbers.length
  }

  /** 0 to `sides` − 1; 0 is the kindest, and all there is when the luck is spent. */
  roll(sides: number): number {
    const number = this.#numbers[this.#at] ?? 0
    this.#at += 1
    return number % sides
  }

  /** Whether something bad happens that does so in `percent` of all cases. */
  chance(percent: number): boolean {
    return this.roll(100) >= 100 - percent
  }

  /** One of a list, the kindest first. */
  pick<T>(first: T, ...others: readonly T[]): T {
    return others[this.roll(others.length + 1) - 1] ?? first
  }
}
