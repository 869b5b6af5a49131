import { Agent, request } from 'undici'

/** What a client saw of its own requests. */
export interface Seen {
  readonly sent: number
  /** Answers, by the version that gave them and the class of their status. */
  readonly answered: Readonly<Record<string, readonly [number, number, number, number, number]>>
  /** Requests without a complete answer, and answers of nobody: what a release must never cause. */
  readonly failed: number
}

const POST_EVERY = 5
const BODY = 'x'.repeat(1_000)
const TICK_MS = 10

/**
 * An open-loop client: it sends at its rate, whatever becomes of what it sent, as users do. A closed loop would ask less
 * of a slow version, and so hide it.
 */
export class Load {
  readonly #rate: number
  readonly #agent = new Agent({ connections: 64, pipelining: 1 })
  readonly #open = new Set<Promise<void>>()
  readonly #answered = new Map<string, [number, number, number, number, number]>()
  #timer: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined
  #sent = 0
  #failed = 0

  /** `rate` in requests a second. */
  constructor(rate: number) {
    this.#rate = rate
  }

  /** Begins to send; when it has begun, it goes on. */
  start(url: string): void {
    const began = performance.now()
    this.#timer ??= setInterval(() => {
      const due = Math.floor(((performance.now() - began) / 1_000) * this.#rate)
      while (this.#sent < due) this.#send(url)
    }, TICK_MS)
  }

  get seen(): Seen {
    return { sent: this.#sent, answered: Object.fromEntries(this.#answered), failed: this.#failed }
  }

  /** Sends no more, and resolves once everything that was sent has come to its end. Safe to call twice. */
  async stop(): Promise<Seen> {
    clearInterval(this.#timer)
    this.#stopping ??= this.#end()
    await this.#stopping
    return this.seen
  }

  async #end(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open)
    await this.#agent.destroy()
  }

  #send(url: string): void {
    const n = ++this.#sent
    const one = this.#ask(`${url}/orders/${n}`, n % POST_EVERY === 0)
    this.#open.add(one)
    void one.finally(() => this.#open.delete(one))
  }

  async #ask(url: string, isPost: boolean): Promise<void> {
    try {
      const { statusCode, headers, body } = await request(url, {
        dispatcher: this.#agent,
        ...(isPost ? { method: 'POST', body: BODY } : {}),
      })
      await body.dump({ limit: Number.POSITIVE_INFINITY })
      const version = headers['x-version']
      if (typeof version === 'string') this.#count(version, statusCode)
      else this.#failed++
    } catch {
      this.#failed++
    }
  }

  #count(version: string, status: number): void {
    const row = this.#answered.get(version) ?? [0, 0, 0, 0, 0]
    const at = Math.floor(status / 100) - 1
    row[at] = (row[at] ?? 0) + 1
    this.#answered.set(version, row)
  }
}
