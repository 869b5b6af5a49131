import { setTimeout as sleep } from 'node:timers/promises'

import { onTestFinished } from 'vitest'

import type { MetricsSource, Route, TrafficRouter } from '../engine/ports.ts'
import type { Generation } from '../events/generation.ts'
import type { Endpoint } from '../events/rollout-event.ts'
import { weight } from '../units.ts'
import { type VersionServer, versionServer } from './version-server.ts'

/** A router with nothing routed yet, ended with everything it started when the test ends. */
export interface RouterUnderTest extends AsyncDisposable {
  readonly router: TrafficRouter
}

/** A router together with the metrics that count what it does. */
export interface MeteredRouter extends RouterUnderTest {
  readonly metrics: MetricsSource
}

/** How a request ended as its client saw it; `body` is null when no complete answer came. */
export interface Seen {
  readonly status: number
  readonly body: string | null
}

export const SERVICE = 'shop'
const PATIENCE_MS = 60_000

/** Two real versions behind the router under test, and requests through it. */
export class TrafficRig<T extends RouterUnderTest> {
  readonly under: T
  readonly v1: VersionServer
  readonly v2: VersionServer
  readonly options = { signal: AbortSignal.timeout(PATIENCE_MS) }
  #n = 0
  #url = ''

  constructor(under: T, [v1, v2]: readonly [VersionServer, VersionServer]) {
    this.under = under
    this.v1 = v1
    this.v2 = v2
  }

  /** Where the service is reached, once a route was applied. */
  get url(): string {
    return this.#url
  }

  /** A route to both versions, `percent` of it to v2. */
  route(generation: Generation, percent: number): Route {
    const backends = [
      { version: 'v1', weight: weight(100 - percent), endpoints: [endpointOf(this.v1)] },
      { version: 'v2', weight: weight(percent), endpoints: [endpointOf(this.v2)] },
    ]
    return { service: SERVICE, listen: { host: '127.0.0.1', port: 0 }, generation, backends }
  }

  async apply(route: Route): Promise<Route> {
    const applied = await this.under.router.apply(route, this.options)
    this.#url = `http://${applied.listen.host}:${applied.listen.port}`
    return applied
  }

  /** Gives v2 its percentage under the next generation of claim 1. */
  async shift(percent: number): Promise<Route> {
    return this.apply(this.route({ claim: 1, n: ++this.#n }, percent))
  }

  async ask(path = '/', init: RequestInit = {}): Promise<Seen> {
    let status = 0
    try {
      const answer = await fetch(this.#url + path, init)
      status = answer.status
      return { status, body: await answer.text() }
    } catch {
      return { status, body: null }
    }
  }

  /** Asks many times, a few at once, and says how often each answer came. */
  async askMany(times: number, path = '/'): Promise<ReadonlyMap<string, number>> {
    const seen = new Map<string, number>()
    let left = times
    const client = async (): Promise<void> => {
      while (left-- > 0) {
        const { status, body } = await this.ask(path)
        const answer = body === null ? 'broken' : `${status} ${body}`
        seen.set(answer, (seen.get(answer) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: 4 }, client))
    return seen
  }
}

/** Opens a router with two versions behind it; everything is closed when the test ends. */
export async function trafficRig<T extends RouterUnderTest>(open: () => Promise<T>): Promise<TrafficRig<T>> {
  const versions = [await versionServer('v1'), await versionServer('v2')] as const
  const under = await open()
  onTestFinished(async () => {
    await under[Symbol.asyncDispose]()
    await Promise.all(versions.map(async (each) => each[Symbol.asyncDispose]()))
  })
  return new TrafficRig(under, versions)
}

function endpointOf({ version, url }: { readonly version: string; readonly url: string }): Endpoint {
  return { instance: `${version}-1`, url }
}

/** Asks again and again until `found` gives something; the test's own time limit is the only one. */
export async function eventually<T>(
  found: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  for (;;) {
    const value = await found()
    if (value !== undefined && value !== false) return value
    await sleep(10)
  }
}
