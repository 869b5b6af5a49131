// What a person, or a system that shuts down, says with signals.

/** Wrappers such as npx pass on what the terminal has sent to everybody already: both are one. */
const SAME_MS = 500

export type Interrupt = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

const SIGNALS: readonly Interrupt[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Takes the signals that would end the process, for as long as it is not closed: each counts once, and the third one ends it
 * at once.
 */
export class Interrupts implements Disposable {
  readonly #exitCode: number
  readonly #heard: Interrupt[] = []
  #wake: (() => void) | null = null
  #count = 0
  #last = Number.NEGATIVE_INFINITY

  constructor(exitCode: number) {
    this.#exitCode = exitCode
    for (const signal of SIGNALS) process.on(signal, this.#hear)
  }

  /** Whether one was heard that nobody has taken yet. */
  get pending(): boolean {
    return this.#heard.length > 0
  }

  /** Resolves with the next one. */
  async next(): Promise<Interrupt> {
    for (;;) {
      const interrupt = this.#heard.shift()
      if (interrupt !== undefined) return interrupt
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#hear)
  }

  readonly #hear = (signal: NodeJS.Signals): void => {
    const now = performance.now()
    if (now - this.#last < SAME_MS) return
    this.#last = now
    this.#count++
    if (this.#count > 2) process.exit(this.#exitCode)
    this.#heard.push(isInterrupt(signal) ? signal : 'SIGTERM')
    this.#wake?.()
  }
}

function isInterrupt(signal: NodeJS.Signals): signal is Interrupt {
  return SIGNALS.some((known) => known === signal)
}
