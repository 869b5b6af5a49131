// A world that does at once what it is asked: what is left to measure is the engine.
import { NEVER, Subject } from 'rxjs'

import type { Adapters, Instance, Route, Store } from '../src/engine/ports.ts'
import type { ReleaseSpec } from '../src/engine/spec.ts'
import { weight } from '../src/units.ts'

/** Adapters without a single socket: the router remembers, every probe is healthy, no traffic is seen. */
export function instantWorld(): Adapters {
  const routes = new Map<string, Route>()
  const running = new Map<string, Instance[]>()
  return {
    router: {
      capabilities: { granularity: 1, drain: 'exact', fences: true },
      async apply(route) {
        const applied = { ...route, listen: { host: '127.0.0.1', port: 1 } }
        routes.set(route.service, applied)
        return applied
      },
      read: async (service) => routes.get(service) ?? null,
      drain: async () => ({ cut: 0 }),
      async remove(service) {
        routes.delete(service)
      },
    },
    metrics: { windows: () => NEVER, counts: async () => [] },
    platform: {
      async start({ service, version }) {
        const instance = {
          instance: `${version}-1`,
          url: 'http://127.0.0.1:1',
          service,
          version,
          startedAt: 0,
          restarts: 0,
        }
        const others = (running.get(service) ?? []).filter((known) => known.version !== version)
        running.set(service, [...others, instance])
        return [instance]
      },
      async stop({ service, version }) {
        running.set(
          service,
          (running.get(service) ?? []).filter((known) => known.version !== version),
        )
      },
      list: async (service) => running.get(service) ?? [],
      events$: new Subject(),
    },
    probe: { probe: async () => ({ health: 'healthy', latencyMs: 0, message: '' }) },
    tests: { run: async () => ({ status: 'passed', message: '', durationMs: 0 }) },
  }
}

const HOUR = 3_600_000

/** A release that waits for nothing but people; `gates: 'manual'` stops it before any traffic. */
export function releaseOf(service: string, version: string, changed: Partial<ReleaseSpec> = {}): ReleaseSpec {
  return {
    strategy: 'canary',
    service,
    version,
    listen: { host: '127.0.0.1', port: 0 },
    run: { command: ['serve'], env: {}, cwd: '/', replicas: 1, stopGraceMs: 1_000 },
    health: { probe: { kind: 'tcp', timeoutMs: 1_000 }, intervalMs: 5_000, threshold: 1 },
    checks: [],
    windowMs: 1_000,
    steps: [{ weight: weight(50), bakeMs: HOUR }],
    gates: 'auto',
    keepStable: false,
    reversible: true,
    times: {
      stagingMs: HOUR,
      shiftingMs: HOUR,
      progressMs: HOUR,
      degradedMs: HOUR,
      retireMs: 0,
      drainMs: 1_000,
      rollbackDrainMs: 1_000,
      returnBudgetMs: 60_000,
    },
    by: null,
    why: null,
    ...changed,
  }
}

/** A store that confirms and keeps nothing: what is kept in memory is then the engine's own. */
export function forgetfulStore(): Store {
  const seqs = new Map<string, number>()
  let cursor = 0
  return {
    durability: 'none',
    async append(service, expected, { entry }) {
      seqs.set(service, expected + 1)
      return { ...entry, service, seq: expected + 1, cursor: ++cursor }
    },
    load: async () => null,
    list: async () => [],
    history: async () => [],
    async *watch() {},
    head: async () => cursor,
    async close() {},
  }
}
