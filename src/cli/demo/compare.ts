import { type Counts, requestsOf } from '../../analysis/sample.ts'
import type { GenerationCounts } from '../../engine/ports.ts'
import type { Seen } from './load.ts'

type Classes = Counts['served']

/** Two counts of the same requests: one by who asked them, one by the proxy that answered them. */
export interface Comparison {
  readonly sent: number
  readonly counted: number
  /** Requests that a release spoilt, as the client saw it. */
  readonly failed: number
  /** By version and status class `[1xx, 2xx, 3xx, 4xx, 5xx]`. */
  readonly byClient: Readonly<Record<string, Classes>>
  readonly byProxy: Readonly<Record<string, Classes>>
  /** Whether both are the same to the last request. */
  readonly agree: boolean
}

/** Holds what the client saw against what the proxy counted. */
export function compare(seen: Seen, counted: readonly GenerationCounts[]): Comparison {
  const byProxy = new Map<string, Classes>()
  for (const { version, counts } of counted) {
    if (requestsOf(counts) > 0) byProxy.set(version, sum(byProxy.get(version), counts.served))
  }
  const broken = counted.reduce((n, { counts }) => n + counts.failed + counts.clientAborts + counts.cut, 0)
  const total = [...byProxy.values()].flat().reduce((n, one) => n + one, broken)
  const inOrder = byName([...byProxy])
  const byClient = byName(Object.entries(seen.answered))
  const isSame = JSON.stringify(byClient) === JSON.stringify(inOrder)
  return {
    sent: seen.sent,
    counted: total,
    failed: seen.failed,
    byClient,
    byProxy: inOrder,
    agree: isSame && seen.sent === total && seen.failed === broken,
  }
}

function sum(a: Classes = [0, 0, 0, 0, 0], b: Classes): Classes {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4]]
}

function byName(rows: readonly (readonly [string, Classes])[]): Readonly<Record<string, Classes>> {
  return Object.fromEntries(rows.toSorted(([a], [b]) => a.localeCompare(b)))
}
