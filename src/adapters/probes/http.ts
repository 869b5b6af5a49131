import type { Cancellable, ProbeSpec } from '../../engine/ports.ts'
import { scrub } from '../../engine/scrub.ts'
import { UsageError } from '../../errors.ts'
import { count, formatMs } from '../../units.ts'
import {
  ask,
  complaintAbout,
  type HttpAnswer,
  requireExpectation,
  requireHeaders,
} from '../requests/index.ts'
import { fill } from './fill.ts'
import { type Finding, healthy, type Target, unhealthy } from './finding.ts'

type HttpSpec = Extract<ProbeSpec, { kind: 'http' }>

const LARGEST_BODY = 64 << 10
const LONGEST_LATENCY_MS = 24 * 3_600_000

/**
 * Asks with GET; the answer counts when it is there to its end, or to its first 64 kB.
 * @throws UsageError `ARGUMENT_INVALID` for a specification that is wrong
 * @throws Unanswered when no answer came
 */
export async function probeHttp(spec: HttpSpec, target: Target, options: Cancellable): Promise<Finding> {
  const headers = expectedHeaders(spec, target)
  requireExpectation(spec)
  const limitMs =
    spec.maxLatencyMs === null
      ? Infinity
      : count(spec.maxLatencyMs, 'maxLatency', { least: 1, most: LONGEST_LATENCY_MS })
  const started = performance.now()
  const answer = await ask(
    {
      url: target.endpoint.url,
      method: 'GET',
      path: spec.path,
      headers: {},
      body: null,
      mostBytes: LARGEST_BODY,
    },
    options,
  )
  const tookMs = Math.round(performance.now() - started)
  const complaint = complaintAbout(answer, spec) ?? complaintAboutHeaders(answer, headers)
  if (complaint !== null) return unhealthy(complaint)
  if (tookMs > limitMs) return unhealthy(`answered in ${formatMs(tookMs)}, ${formatMs(limitMs)} at most`)
  return healthy(`${answer.status} in ${formatMs(tookMs)}`)
}

type Expected = readonly (readonly [name: string, value: string])[]

function expectedHeaders({ headers }: HttpSpec, target: Target): Expected {
  if (typeof headers !== 'object' || headers === null)
    throw new UsageError('ARGUMENT_INVALID', 'headers: expected names with values')
  requireHeaders(headers)
  return Object.entries(headers).map(([name, value]) => [
    name.toLowerCase(),
    fill(value, { version: target.version }),
  ])
}

function complaintAboutHeaders({ headers }: HttpAnswer, expected: Expected): string | null {
  for (const [name, value] of expected) {
    const found = Object.hasOwn(headers, name) ? headers[name] : undefined
    if (found === undefined) return `no header ${name}`
    const isRight = Array.isArray(found) ? found.includes(value) : found === value
    if (!isRight) return mismatch(name, String(found), value)
  }
  return null
}

/** Values are shown where neither is known to be a secret by the name that it has. */
function mismatch(name: string, found: string, wanted: string): string {
  const isPlain = [found, wanted].every((value) => scrub(`${name}: ${value}`) === `${name}: ${value}`)
  return isPlain ? `${name} is '${found.slice(0, 80)}' instead of '${wanted}'` : `${name} is not as expected`
}
