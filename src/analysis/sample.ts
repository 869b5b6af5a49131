import { difference, type Histogram, merge, quantile } from './histogram.ts'

/** What was counted of one version's requests, each attributed to the moment it started. */
export interface Counts {
  /** Requests that got a complete answer from the version, by status class `[1xx, 2xx, 3xx, 4xx, 5xx]`. */
  readonly served: readonly [number, number, number, number, number]
  /** Refused, reset, truncated, timed out, or answered with a 5xx that the proxy itself had to make. */
  readonly failed: number
  /** Given up by the client before the answer was complete. */
  readonly clientAborts: number
  /** Still open when a drain's deadline passed, and cut. */
  readonly cut: number
  /** Still open now. */
  readonly inFlight: number
  /** Time to the last byte of each served request. */
  readonly latency: Histogram
}

export const NO_COUNTS: Counts = {
  served: [0, 0, 0, 0, 0],
  failed: 0,
  clientAborts: 0,
  cut: 0,
  inFlight: 0,
  latency: {},
}

/** Counts of one version during one window. */
export interface Sample {
  readonly version: string
  readonly counts: Counts
}

/** What was counted between two moments, of all versions at the same time. */
export interface MetricsWindow {
  /** When it began, in milliseconds since the epoch. */
  readonly from: number
  /** How long it was, in milliseconds. */
  readonly ms: number
  readonly samples: readonly Sample[]
}

/** What people read of a version's traffic: how much, how bad, how slow. */
export interface MetricsSnapshot {
  readonly requests: number
  /** The version's own 5xx and everything `failed`. */
  readonly errors: number
  /** `errors / requests`, 0–1; null without requests. */
  readonly errorRate: number | null
  /** Milliseconds; null without requests. */
  readonly latency: { readonly p50: number | null; readonly p90: number | null; readonly p99: number | null }
  /** The time it was counted over, in milliseconds. */
  readonly windowMs: number
}

export function requestsOf({ served, failed }: Counts): number {
  return served.reduce((sum, n) => sum + n, 0) + failed
}

export function errorsOf({ served, failed }: Counts): number {
  return served[4] + failed
}

export function snapshotOf(counts: Counts, windowMs: number): MetricsSnapshot {
  const [requests, errors] = [requestsOf(counts), errorsOf(counts)]
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((q) => quantile(counts.latency, q))
  return {
    requests,
    errors,
    errorRate: requests === 0 ? null : errors / requests,
    latency: { p50: p50 ?? null, p90: p90 ?? null, p99: p99 ?? null },
    windowMs,
  }
}

/** Whether counts can be true: whole numbers from 0. A source that was restarted, or lies, may say anything. */
export function areSound({ served, failed, clientAborts, cut, inFlight, latency }: Counts): boolean {
  const buckets = Object.entries(latency)
  return (
    [...served, failed, clientAborts, cut, inFlight, ...buckets.map(([, n]) => n)].every(isWhole) &&
    buckets.every(([bucket]) => Number.isInteger(Number(bucket)))
  )
}

function isWhole(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0
}

/** Both together. */
export function add(a: Counts, b: Counts): Counts {
  return combine([a, b], (x, y) => x + y, merge)
}

/** What `later` counted beyond `earlier`, of counters that only grow; `inFlight` is a level and stays as in `later`. */
export function since(later: Counts, earlier: Counts): Counts {
  return { ...combine([later, earlier], (x, y) => x - y, difference), inFlight: later.inFlight }
}

function combine(
  [a, b]: readonly [Counts, Counts],
  each: (x: number, y: number) => number,
  latency: (x: Histogram, y: Histogram) => Histogram,
): Counts {
  const [s, t] = [a.served, b.served]
  return {
    served: [each(s[0], t[0]), each(s[1], t[1]), each(s[2], t[2]), each(s[3], t[3]), each(s[4], t[4])],
    failed: each(a.failed, b.failed),
    clientAborts: each(a.clientAborts, b.clientAborts),
    cut: each(a.cut, b.cut),
    inFlight: each(a.inFlight, b.inFlight),
    latency: latency(a.latency, b.latency),
  }
}
