import { UsageError } from '../errors.ts'
import { count, type Duration, ratio, toPositiveMs } from '../units.ts'

interface CheckBase {
  /** What reports call it. */
  readonly name: string
  /** Requests needed, in the new version and in a baseline that is compared, before it says anything. */
  readonly minSamples: number
  /** Consecutive failed measurements that are still suspicion; one more is harm. */
  readonly failureLimit: number
  /** Whether a bake only counts while this check has data. */
  readonly required: boolean
}

/** One question asked of a version's traffic. Plain data: it is stored with the rollout. */
export type Check =
  | (CheckBase & {
      readonly kind: 'error-rate'
      /** The highest rate that is still fine, 0–1. */
      readonly max: number | null
      /** How far above the baseline's rate of the same moment is still fine, 0–1. */
      readonly aboveBaseline: number | null
    })
  | (CheckBase & {
      readonly kind: 'latency'
      /** The share of requests that has to be this fast, 0–1. */
      readonly quantile: number
      readonly maxMs: number | null
      /** How many times the baseline's latency of the same moment is still fine. */
      readonly timesBaseline: number | null
    })

/** What every check can be told. */
export interface CheckOptions {
  /** Requests needed before it says anything, 1 to 1,000,000. @defaultValue 50 */
  readonly minSamples?: number
  /** Consecutive failed measurements that are still only suspicion, 0 to 100. @defaultValue 1 */
  readonly failureLimit?: number
  /** Whether a bake only counts while this check has data. @defaultValue true */
  readonly required?: boolean
}

/**
 * Failed requests (the version's own 5xx, and what was refused, reset, truncated or timed out) over all requests.
 * @throws UsageError `ARGUMENT_INVALID` for rates outside 0–1, or when neither limit is given
 */
export function errorRate(
  options: CheckOptions & { readonly max?: number; readonly aboveBaseline?: number },
): Check {
  const { max, aboveBaseline } = options
  if (max === undefined && aboveBaseline === undefined) throw noLimit('errorRate', 'errorRate({ max: 0.01 })')
  return {
    kind: 'error-rate',
    name: 'error-rate',
    ...base(options),
    max: max === undefined ? null : ratio(max, 'errorRate.max'),
    aboveBaseline: aboveBaseline === undefined ? null : ratio(aboveBaseline, 'errorRate.aboveBaseline'),
  }
}

/** Limits on a quantile of the time to the last byte; give one of `p50`, `p90`, `p99`, as a limit or a factor. */
export interface LatencyOptions extends CheckOptions {
  readonly p50?: Duration
  readonly p90?: Duration
  readonly p99?: Duration
  /** How many times the baseline's quantile of the same moment is still fine, 1 to 1,000. */
  readonly timesBaseline?: number
}

/**
 * The time to the last byte that 50, 90 or 99 % of requests do not exceed.
 * @throws UsageError `ARGUMENT_INVALID` when not exactly one quantile is named, or a limit is no limit
 */
export function latency(options: LatencyOptions): Check {
  const { timesBaseline } = options
  const limits = (['p50', 'p90', 'p99'] as const).filter((key) => options[key] !== undefined)
  const [named = 'p99'] = limits
  const limit = options[named]
  if (limits.length > 1 || (limit === undefined && timesBaseline === undefined)) {
    throw noLimit('latency', "latency({ p99: '500ms' }) or latency({ timesBaseline: 2 })")
  }
  if (timesBaseline !== undefined && !(timesBaseline >= 1 && timesBaseline <= 1_000)) {
    throw new UsageError(
      'ARGUMENT_INVALID',
      `latency.timesBaseline: expected a factor, got ${timesBaseline}`,
      {
        hint: 'Write a number from 1 to 1000, for example 2',
      },
    )
  }
  return {
    kind: 'latency',
    name: `latency-${named}`,
    ...base(options),
    quantile: Number(named.slice(1)) / 100,
    maxMs: limit === undefined ? null : toPositiveMs(limit, `latency.${named}`),
    timesBaseline: timesBaseline ?? null,
  }
}

function base({ minSamples = 50, failureLimit = 1, required = true }: CheckOptions) {
  return {
    minSamples: count(minSamples, 'minSamples', { least: 1 }),
    failureLimit: count(failureLimit, 'failureLimit', { most: 100 }),
    required,
  }
}

function noLimit(check: string, example: string): UsageError {
  return new UsageError('ARGUMENT_INVALID', `${check}: expected one limit`, {
    hint: `For example ${example}`,
  })
}
