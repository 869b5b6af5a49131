import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import type { GenerationCounts, Listen, Route } from '../../engine/ports.ts'
import { AdapterError, messageOf } from '../../errors.ts'
import type { Log } from './log.ts'
import { Service } from './service.ts'
import type { Patience } from './upstream.ts'

export interface DataPlaneOptions {
  readonly patience: Patience
  readonly log: Log
  /** Remembers the routes for the next process. */
  readonly save: (routes: readonly Route[]) => Promise<void>
}

/** How long a change waits to be remembered before it is confirmed all the same: going back never waits for a disk. */
const SAVE_MS = 1_000
const RETRY_LISTEN_MS = 250
const POLL_MS = 10

/** The proxy itself: services and their routes. The process around it only carries messages. */
export class DataPlane {
  /** Differs between any two: counters of different runs can't be compared. */
  readonly run = randomUUID()
  readonly #options: DataPlaneOptions
  readonly #services = new Map<string, Service>()
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #closing = new AbortController()

  constructor(options: DataPlaneOptions) {
    this.#options = options
  }

  /**
   * Makes a route true, remembers it, and says what is in force then.
   * @throws AdapterError `ROUTER_STALE_GENERATION`, or `ROUTER_FAILED` when its address can't be had; nothing changed then
   */
  async apply(route: Route): Promise<Route> {
    const applied = await this.#inTurn(route.service, async () => this.#put(route))
    await this.#remember()
    return applied
  }

  /** @throws AdapterError `ROUTER_FAILED` when a remembered route can't be served yet */
  read(service: string): Route | null {
    return this.#services.get(service)?.read() ?? null
  }

  list(): readonly Route[] {
    return [...this.#services.values()].flatMap((service) => service.remembered ?? [])
  }

  async drain(
    { service, version, ms }: { readonly service: string; readonly version: string; readonly ms: number },
    signal: AbortSignal,
  ): Promise<{ readonly cut: number }> {
    return { cut: (await this.#services.get(service)?.tickets.drained({ version, ms }, signal)) ?? 0 }
  }

  async remove(name: string): Promise<void> {
    await this.#inTurn(name, async () => {
      const service = this.#services.get(name)
      this.#services.delete(name)
      void service?.forget()
    })
    await this.#remember()
  }

  counts(service: string, claim: number): readonly GenerationCounts[] {
    return this.#services.get(service)?.counts(claim) ?? []
  }

  /** Takes up remembered routes; an address that can't be had is tried again until it can. */
  restore(routes: readonly Route[]): void {
    for (const route of routes) {
      const service = new Service(this.#options.patience)
      service.put(route)
      this.#services.set(route.service, service)
      void this.#listenAgain(route.service, service)
    }
  }

  /** Accepts nobody any more, waits for open requests for at most `graceMs`, then cuts what is left. */
  async close(graceMs: number): Promise<void> {
    this.#closing.abort()
    const services = [...this.#services.values()]
    const ended = services.map(async (service) => service.close())
    const deadline = performance.now() + graceMs
    const open = (): number => services.reduce((sum, { tickets }) => sum + tickets.size, 0)
    while (open() > 0 && performance.now() < deadline) await sleep(POLL_MS)
    await Promise.race([Promise.all(ended), sleep(open() > 0 ? 0 : POLL_MS * 10)])
    await Promise.all(services.map(async (service) => service.destroy()))
  }

  async #put(route: Route): Promise<Route> {
    if (this.#closing.signal.aborted) throw new AdapterError('ROUTER_FAILED', 'the embedded proxy is ending')
    const known = this.#services.get(route.service)
    known?.fence(route)
    const service = known ?? new Service(this.#options.patience)
    await service.listen(addressFor(route.listen, known?.remembered?.listen))
    service.put(route)
    this.#services.set(route.service, service)
    return service.read() ?? route
  }

  async #listenAgain(name: string, service: Service): Promise<void> {
    const { log } = this.#options
    let quiet = false
    while (!this.#closing.signal.aborted && this.#services.get(name) === service) {
      try {
        // In turn, but once at a time: a new route must be able to come between two attempts.
        await this.#inTurn(name, async () => relisten(service))
        log('info', 'a remembered route is in force again', { service: name })
        return
      } catch (error) {
        if (!quiet) log('error', messageOf(error), { service: name })
        quiet = true
        await sleep(RETRY_LISTEN_MS)
      }
    }
  }

  /** One change of a service at a time: a listener takes a moment to open. */
  async #inTurn<T>(service: string, change: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(service)
    const turn = before === undefined ? change() : before.then(change, change)
    this.#turns.set(service, turn)
    const forget = (): void => {
      if (this.#turns.get(service) === turn) this.#turns.delete(service)
    }
    turn.then(forget, forget)
    return turn
  }

  async #remember(): Promise<void> {
    const { save, log } = this.#options
    const saved = save(this.list()).catch((error: unknown) => {
      log('error', 'the routes could not be remembered', { reason: messageOf(error) })
    })
    await Promise.race([saved, sleep(SAVE_MS, undefined, { ref: false })])
  }
}

async function relisten(service: Service): Promise<void> {
  const route = service.remembered
  if (route !== null) await service.listen(route.listen)
}

/** A port once chosen stays: port 0 asks for it again. */
function addressFor(wanted: Listen, before: Listen | undefined): Listen {
  return wanted.port === 0 && before?.host === wanted.host ? before : wanted
}
