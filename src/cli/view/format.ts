// Figures as people read them.
import type { RequestLedger } from '../../engine/view.ts'
import { formatMs, percentOf, type Weight } from '../../units.ts'
import { plain } from '../text.ts'

const COUNT = new Intl.NumberFormat('en-US')

export function count(n: number): string {
  return COUNT.format(n)
}

export function share(weight: Weight): string {
  return `${percentOf(weight)}%`
}

/** A rate from 0 to 1 in percent; a dash where nothing was counted. */
export function rate(value: number | null): string {
  return value === null ? '-' : `${Number((value * 100).toFixed(2))}%`
}

/** A latency; a dash where nothing was measured. */
export function latency(ms: number | null): string {
  if (ms === null) return '-'
  return ms < 10 ? `${Number(ms.toFixed(1))}ms` : formatMs(Math.round(ms))
}

/** The time between two moments, in whole seconds. */
export function elapsed(fromMs: number, toMs: number): string {
  return span(Math.max(0, Math.floor((toMs - fromMs) / 1_000)) * 1_000)
}

/** A length of time; nothing is `0s`. */
export function span(ms: number): string {
  return ms === 0 ? '0s' : formatMs(ms)
}

/** What it cost the people behind the requests: `0 of 41,212 requests failed; v3 answered 312 with an error`. */
export function cost({ total, failed, complete, versions }: RequestLedger): string {
  const atLeast = complete ? '' : 'at least '
  const own = versions.filter(({ appErrors }) => appErrors > 0)
  const errors = own.map(
    ({ version, appErrors }) => `; ${plain(version)} answered ${count(appErrors)} with an error`,
  )
  return `${atLeast}${count(failed)} of ${count(total)} requests failed${errors.join('')}`
}
