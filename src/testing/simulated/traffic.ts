// The requests of a simulated world: a steady stream for each service, divided as its route says, and counted as a real
// router counts it, by the generation in force when a request started.
import { bucketOf } from '../../analysis/histogram.ts'
import { add, type Counts, NO_COUNTS } from '../../analysis/sample.ts'
import type { Clock, GenerationCounts, Route } from '../../engine/ports.ts'

/** How a version answers. */
export interface Behaviour {
  /** The share of its requests that it answers with 500, 0–1. */
  readonly errorRate: number
  /** How long each of its answers takes, in milliseconds. */
  readonly latencyMs: number
}

interface Stream {
  route: Route | null
  /** When its requests were last counted. */
  at: number
  /** What is still owed to each version: parts of requests and of errors. */
  readonly owed: Map<string, { requests: number; errors: number }>
  readonly rows: GenerationCounts[]
}

export class Traffic {
  /** Requests per second of each service. */
  rate = 100
  readonly #clock: Clock
  readonly #behaviourOf: (version: string) => Behaviour
  readonly #streams = new Map<string, Stream>()

  constructor(clock: Clock, behaviourOf: (version: string) => Behaviour) {
    this.#clock = clock
    this.#behaviourOf = behaviourOf
  }

  /** From now on a service is divided as this route says; null is a router that forgot it, and all it had counted. */
  follow(service: string, route: Route | null): void {
    const stream = this.#flow(service)
    stream.route = route
    if (route === null) stream.rows.length = 0
  }

  /** Everything counted since `claim`, until now. */
  counts(service: string, claim: number): readonly GenerationCounts[] {
    return this.#flow(service).rows.filter(({ generation }) => generation.claim >= claim)
  }

  /** Everything counted of each version, until now. */
  totals(service: string): ReadonlyMap<string, Counts> {
    const totals = new Map<string, Counts>()
    for (const { version, counts } of this.counts(service, 0)) {
      totals.set(version, add(totals.get(version) ?? NO_COUNTS, counts))
    }
    return totals
  }

  /** Lets the requests happen that came since the last time. */
  #flow(service: string): Stream {
    const now = this.#clock.now()
    const stream = this.#streams.get(service) ?? { route: null, at: now, owed: new Map(), rows: [] }
    this.#streams.set(service, stream)
    const requests = (Math.max(0, now - stream.at) * this.rate) / 1_000
    stream.at = now
    for (const { version, weight } of stream.route?.backends ?? []) {
      this.#serve(stream, version, (requests * weight) / 10_000)
    }
    return stream
  }

  #serve(stream: Stream, version: string, requests: number): void {
    const { route, owed, rows } = stream
    const { errorRate, latencyMs } = this.#behaviourOf(version)
    const before = owed.get(version) ?? { requests: 0, errors: 0 }
    const all = before.requests + requests
    const served = Math.floor(all + 1e-9)
    const bad = before.errors + served * errorRate
    const errors = Math.floor(bad + 1e-9)
    owed.set(version, { requests: all - served, errors: bad - errors })
    if (route === null) return
    const counts: Counts = {
      ...NO_COUNTS,
      served: [0, served - errors, 0, 0, errors],
      latency: served === 0 ? {} : { [bucketOf(latencyMs)]: served },
    }
    const { generation } = route
    const at = rows.findIndex(
      (row) =>
        row.version === version &&
        row.generation.claim === generation.claim &&
        row.generation.n === generation.n,
    )
    const row = rows[at]
    if (row === undefined) rows.push({ generation, version, counts })
    else rows[at] = { ...row, counts: add(row.counts, counts) }
  }
}
