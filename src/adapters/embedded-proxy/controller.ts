import { setTimeout as sleep } from 'node:timers/promises'

import { AdapterError } from '../../errors.ts'
import { ConnectionLost, Link } from './client.ts'
import { type Reached, reach, reachOrStart } from './launch.ts'
import type { Place } from './place.ts'
import { type ProxySettings, STOP_GRACE_MS } from './settings.ts'
import type { Ask, Op, Results } from './wire.ts'

const ANSWER_MS = 10_000
/** How often a proxy that hangs up is asked to end, and how long it may take between. */
const STOP_ATTEMPTS = 50
const STOP_POLL_MS = 20

export interface Patient {
  readonly signal: AbortSignal
  /** What the answer may take beyond the usual, in milliseconds. */
  readonly extraMs?: number
}

/** The controller's end: finds the proxy of a directory, starts it when there is none, and asks it. */
export class Controller {
  readonly #place: Place
  readonly #settings: ProxySettings
  #link: Promise<Link> | null = null
  #state: 'usable' | 'closed' = 'usable'

  constructor(place: Place, settings: ProxySettings) {
    this.#place = place
    this.#settings = settings
  }

  /**
   * Asks the proxy. A connection that breaks meanwhile is made anew once, with a new proxy if the old one is dead: all
   * that can be asked may be asked twice.
   * @throws AdapterError what the proxy refused, or `ROUTER_FAILED` when it can't be asked
   */
  async ask<O extends Op>(
    ask: Extract<Ask, { readonly op: O }>,
    { signal, extraMs = 0 }: Patient,
  ): Promise<Results[O]> {
    signal.throwIfAborted()
    const wait = { signal, ms: ANSWER_MS + extraMs }
    try {
      return await (await this.#connected(signal)).ask<O>(ask, wait)
    } catch (error) {
      if (!(error instanceof ConnectionLost) || this.#state === 'closed') throw error
      const link = await this.#connected(signal)
      return link.ask<O>(ask, wait)
    }
  }

  /** Lets the proxy finish what is open and end; nothing happens when none runs. The controller is closed after it. */
  async stop({ signal }: Patient): Promise<void> {
    this.close()
    for (let attempt = 1; ; attempt++) {
      const reached = await reach(this.#place)
      if (reached === null) return
      try {
        return await ended(reached, signal)
      } catch (error) {
        // One that is just ending hangs up at any word: whether it is gone is seen by asking anew.
        if (!(error instanceof ConnectionLost) || attempt === STOP_ATTEMPTS) throw error
        await sleep(STOP_POLL_MS)
      }
    }
  }

  /** Hangs up. The proxy goes on. */
  close(): void {
    this.#state = 'closed'
    this.#link?.then(
      (link) => link.close(),
      () => {},
    )
    this.#link = null
  }

  /** The first who asks connects, for all; giving up on it ends nobody else's attempt. */
  async #connected(signal: AbortSignal): Promise<Link> {
    if (this.#state === 'closed') throw new AdapterError('ROUTER_FAILED', 'the embedded proxy was closed')
    return until(this.#shared(), signal)
  }

  async #shared(): Promise<Link> {
    const current = this.#link
    const link = await current?.catch(() => null)
    if (link?.open === true) return link
    if (this.#link === current) this.#link = this.#connect()
    return this.#link ?? this.#connect()
  }

  async #connect(): Promise<Link> {
    return greeted(await reachOrStart(this.#place, this.#settings), new AbortController().signal)
  }
}

/** Asks a proxy to end, and resolves when it has hung up. */
async function ended(reached: Reached, signal: AbortSignal): Promise<void> {
  const link = await greeted(reached, signal)
  try {
    await link.ask({ op: 'stop', graceMs: STOP_GRACE_MS }, { signal, ms: ANSWER_MS + STOP_GRACE_MS })
    await link.ended()
  } finally {
    link.close()
  }
}

async function greeted({ socket, address }: Reached, signal: AbortSignal): Promise<Link> {
  const link = new Link(socket)
  try {
    await link.greet(address.token, { signal, ms: ANSWER_MS })
    return link
  } catch (error) {
    link.close()
    throw error
  }
}

async function until<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    const forget = (): void => signal.removeEventListener('abort', abort)
    promise.then(resolve, reject).finally(forget)
  })
}
