// One check held against one measurement. What it can't tell, it says so.
import { formatMs } from '../units.ts'
import type { Check } from './checks.ts'
import type { MetricsSnapshot } from './sample.ts'

/** What a check found. `silent` is neither good nor bad: there was not enough to tell. */
export type Finding =
  | { readonly kind: 'good' }
  | { readonly kind: 'bad'; readonly reason: string }
  | {
      readonly kind: 'silent'
      readonly reason: string
      readonly cause: 'no-traffic' | 'underpowered' | 'baseline-unhealthy'
    }

const GOOD: Finding = { kind: 'good' }
/** 0.1 − 0.09 is a little more than 0.01, for a computer. */
const ROUNDING = 1e-12

/** Holds a check against what was measured at the same moment; `baseline` is null when nothing serves beside it. */
export function examine(check: Check, current: MetricsSnapshot, baseline: MetricsSnapshot | null): Finding {
  const needed = check.minSamples
  if (current.requests === 0) {
    return { kind: 'silent', cause: 'no-traffic', reason: 'no requests to the new version' }
  }
  if (!isSound(current) || (baseline !== null && !isSound(baseline))) {
    return { kind: 'silent', cause: 'no-traffic', reason: 'what was measured makes no sense' }
  }
  if (current.requests < needed) return underpowered(current.requests, needed, 'the new version')
  const beside = baseline === null || baseline.requests === 0 ? null : baseline
  if (compares(check) && baseline !== null && baseline.requests < needed) {
    return underpowered(baseline.requests, needed, 'the baseline')
  }
  return check.kind === 'latency'
    ? examineLatency(check, current, beside)
    : examineErrors(check, current, beside)
}

function examineErrors(
  { max, aboveBaseline }: Extract<Check, { kind: 'error-rate' }>,
  { errorRate: rate }: MetricsSnapshot,
  baseline: MetricsSnapshot | null,
): Finding {
  const base = baseline?.errorRate ?? null
  if (rate === null) return underpowered(0, 1, 'the new version')
  if (aboveBaseline !== null && base !== null && rate - base > aboveBaseline + ROUNDING) {
    return bad(`${percent(rate)} of requests failed, ${percent(base)} in the baseline`)
  }
  if (max === null || rate <= max) return GOOD
  if (base !== null && base > max) return ill(`${percent(base)} of the baseline's requests failed too`)
  return bad(`${percent(rate)} of requests failed, at most ${percent(max)} may`)
}

function examineLatency(
  { quantile, maxMs, timesBaseline }: Extract<Check, { kind: 'latency' }>,
  current: MetricsSnapshot,
  baseline: MetricsSnapshot | null,
): Finding {
  const name = `p${Math.round(quantile * 100)}`
  const now = latencyAt(current, quantile)
  const base = baseline && latencyAt(baseline, quantile)
  if (now === null) return { kind: 'silent', cause: 'underpowered', reason: 'no request was answered' }
  if (timesBaseline !== null && base !== null && now > base * timesBaseline) {
    return bad(`${name} is ${formatMs(now)}, ${formatMs(base)} in the baseline`)
  }
  if (maxMs === null || now <= maxMs) return GOOD
  if (base !== null && base > maxMs) return ill(`${name} of the baseline is ${formatMs(base)} too`)
  return bad(`${name} is ${formatMs(now)}, at most ${formatMs(maxMs)} is fine`)
}

function latencyAt({ latency }: MetricsSnapshot, quantile: number): number | null {
  if (quantile === 0.5) return latency.p50
  return quantile === 0.9 ? latency.p90 : latency.p99
}

/** Comparisons with NaN are all false: without this, nonsense would be good. */
function isSound({ requests, errorRate, latency }: MetricsSnapshot): boolean {
  const figures = [requests, errorRate, latency.p50, latency.p90, latency.p99]
  return figures.every((n) => n === null || (Number.isFinite(n) && n >= 0))
}

function compares(check: Check): boolean {
  return check.kind === 'latency' ? check.timesBaseline !== null : check.aboveBaseline !== null
}

function bad(reason: string): Finding {
  return { kind: 'bad', reason }
}

function underpowered(seen: number, needed: number, where: string): Finding {
  return { kind: 'silent', cause: 'underpowered', reason: `${seen} of ${needed} requests to ${where}` }
}

/** A shared outage is not the new version's fault, and no proof of its health either. */
function ill(reason: string): Finding {
  return { kind: 'silent', cause: 'baseline-unhealthy', reason }
}

function percent(rate: number): string {
  return `${Number((rate * 100).toFixed(2))} %`
}
