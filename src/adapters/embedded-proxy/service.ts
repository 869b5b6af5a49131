import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

import type { Backend, GenerationCounts, Listen, Route } from '../../engine/ports.ts'
import { AdapterError } from '../../errors.ts'
import { compareGenerations, type Generation } from '../../events/generation.ts'
import { Ledger, type Tally } from './counters.ts'
import { Exchange } from './exchange.ts'
import { pathOf } from './headers.ts'
import { type Handlers, Listener } from './listener.ts'
import { lastResponse, refuse } from './refuse.ts'
import { Split } from './split.ts'
import { type Ticket, Tickets } from './tickets.ts'
import { openTunnel } from './tunnel.ts'
import { type Patience, Upstream } from './upstream.ts'

/** A version in the split, with the instances that share its part evenly. */
interface Member {
  readonly version: string
  readonly tally: Tally
  readonly upstreams: readonly Upstream[]
  turn: number
}

interface Choice {
  readonly ticket: Ticket
  /** The instance whose turn it is first; none when the request can't be forwarded. */
  readonly upstreams: readonly Upstream[]
}

const NO_VERSION = ''
const UNFORWARDABLE = 'this request can not be forwarded'
const UNROUTED = 'no version of the service is in charge of this request'

/** One service: its listener, the route in force, and what was counted. All decisions are taken within one tick. */
export class Service implements Handlers {
  readonly tickets = new Tickets()
  readonly #ledger = new Ledger()
  readonly #patience: Patience
  readonly #upstreams = new Map<string, Upstream>()
  #listener: Listener | null = null
  #route: Route | null = null
  #split = new Split<string>([])
  #members: ReadonlyMap<string, Member> = new Map()

  constructor(patience: Patience) {
    this.#patience = patience
  }

  /**
   * Refuses what is older than what is in force, and what would change a generation's split.
   * @throws AdapterError `ROUTER_STALE_GENERATION`
   */
  fence({ service, generation, backends }: Route): void {
    const inForce = this.#route
    if (inForce === null) return
    const age = compareGenerations(generation, inForce.generation)
    if (age > 0 || (age === 0 && sameSplit(backends, inForce.backends))) return
    const now = said(inForce.generation)
    const words =
      age < 0 ? `generation ${said(generation)} is older` : `generation ${said(generation)} has another split`
    throw new AdapterError('ROUTER_STALE_GENERATION', `${service}: ${now} is in force, ${words}`, {
      hint: 'Someone else moved the traffic: read the route, then take the service with a new claim',
    })
  }

  /** Listens where the route says; the old listener closes once the new one is open. */
  async listen(listen: Listen): Promise<void> {
    const before = this.#listener
    if (before?.fits(listen) === true) return
    this.#listener = await Listener.open(listen, this)
    void before?.close()
  }

  /** Makes the route true for every request from now on. */
  put(route: Route): void {
    const same = this.#route !== null && compareGenerations(route.generation, this.#route.generation) === 0
    this.#route = route
    this.#members = new Map(
      route.backends.map((each) => [each.version, this.#member(route.generation, each)]),
    )
    if (!same)
      this.#split = new Split(route.backends.map(({ version: value, weight }) => ({ weight, value })))
    this.#closeUnused()
  }

  /**
   * The route in force, with the real port; null before the first.
   * @throws AdapterError `ROUTER_FAILED` while its address can't be had
   */
  read(): Route | null {
    if (this.#route === null) return null
    if (this.#listener !== null) return { ...this.#route, listen: this.#listener.address }
    const { host, port } = this.#route.listen
    throw new AdapterError('ROUTER_FAILED', `the proxy can't listen on ${host}:${port} yet`, {
      hint: 'See what else listens there; the proxy goes on trying',
    })
  }

  /** The route as it is to be remembered. */
  get remembered(): Route | null {
    return this.#route === null
      ? null
      : { ...this.#route, listen: this.#listener?.address ?? this.#route.listen }
  }

  counts(claim: number): readonly GenerationCounts[] {
    return this.#ledger.since(claim)
  }

  request(req: IncomingMessage, res: ServerResponse): void {
    const path = pathOf(req)
    if (path === null) {
      refuse(res, 400, UNFORWARDABLE)
      return
    }
    const { ticket, upstreams } = this.#choose()
    if (upstreams.length > 0) {
      new Exchange({ req, res, path, ticket, upstreams }).start()
      return
    }
    ticket.settle({ kind: 'failed' })
    refuse(res, 503, UNROUTED)
  }

  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = pathOf(req)
    if (path === null) {
      refuse(lastResponse(req, socket), 400, UNFORWARDABLE)
      return
    }
    const { ticket, upstreams } = this.#choose()
    const [upstream] = upstreams
    if (upstream !== undefined) {
      openTunnel({ req, socket, head, path, ticket, upstream, patience: this.#patience })
      return
    }
    ticket.settle({ kind: 'failed' })
    refuse(lastResponse(req, socket), 503, UNROUTED)
  }

  /** Accepts nobody any more and resolves when the last request ended. */
  async close(): Promise<void> {
    await this.#listener?.close()
  }

  /** Ends everything now. */
  async destroy(): Promise<void> {
    this.tickets.cutAll()
    this.#listener?.destroy()
    await Promise.all([...this.#upstreams.values()].map(async (each) => each.destroy()))
  }

  /** Routes nobody any more; what is open goes on to its end. */
  async forget(): Promise<void> {
    this.#route = null
    this.#members = new Map()
    this.#split = new Split<string>([])
    this.#closeUnused()
    await this.close()
  }

  #choose(): Choice {
    const version = this.#split.next()
    const member = version === null ? undefined : this.#members.get(version)
    if (member === undefined) {
      const tally = this.#ledger.tally(this.#route?.generation ?? { claim: 0, n: 0 }, NO_VERSION)
      return { ticket: this.tickets.admit(NO_VERSION, tally), upstreams: [] }
    }
    const { tally, upstreams } = member
    const first = member.turn++ % Math.max(1, upstreams.length)
    return {
      ticket: this.tickets.admit(member.version, tally),
      upstreams: first === 0 ? upstreams : [...upstreams.slice(first), ...upstreams.slice(0, first)],
    }
  }

  #member(generation: Generation, { version, endpoints }: Backend): Member {
    const tally = this.#ledger.tally(generation, version)
    const turn = this.#members.get(version)?.turn ?? 0
    return { version, tally, upstreams: endpoints.map(({ url }) => this.#upstream(url)), turn }
  }

  #upstream(url: string): Upstream {
    const known = this.#upstreams.get(url)
    if (known !== undefined) return known
    const upstream = new Upstream(url, this.#patience)
    this.#upstreams.set(url, upstream)
    return upstream
  }

  #closeUnused(): void {
    const used = new Set([...this.#members.values()].flatMap(({ upstreams }) => upstreams))
    for (const [url, upstream] of this.#upstreams) {
      if (used.has(upstream)) continue
      this.#upstreams.delete(url)
      void upstream.close()
    }
  }
}

function sameSplit(a: readonly Backend[], b: readonly Backend[]): boolean {
  const weights = new Map(b.map(({ version, weight }) => [version, weight]))
  return a.length === b.length && a.every(({ version, weight }) => weights.get(version) === weight)
}

function said({ claim, n }: Generation): string {
  return `${claim}.${n}`
}
