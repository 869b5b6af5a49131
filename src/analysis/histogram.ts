// Latency as counts in exponential buckets of base 2^(1/16): OpenTelemetry's exponential histogram and Prometheus'
// native histogram, both at scale (schema) 4. A quantile read from it is at most 4.4 % too high and never too low.

const PER_DOUBLING = 16

/**
 * Counts of durations by bucket index, sparse. Bucket `i` holds durations in (2^((i-1)/16), 2^(i/16)] milliseconds.
 * Plain data: it crosses process borders and is stored as it is.
 */
export type Histogram = Readonly<Record<number, number>>

/** The bucket a duration belongs to; durations under a microsecond share the lowest. */
export function bucketOf(ms: number): number {
  return Math.ceil(Math.log2(Math.max(ms, 0.001)) * PER_DOUBLING)
}

/** The longest duration, in milliseconds, that still belongs to a bucket. */
export function upperBound(bucket: number): number {
  return 2 ** (bucket / PER_DOUBLING)
}

/** All the durations of both. */
export function merge(a: Histogram, b: Histogram): Histogram {
  const sum: Record<number, number> = { ...a }
  for (const [bucket, n] of Object.entries(b)) sum[Number(bucket)] = (sum[Number(bucket)] ?? 0) + n
  return sum
}

/** The durations in `later` that were not yet in `earlier`, of one histogram that only grows. */
export function difference(later: Histogram, earlier: Histogram): Histogram {
  const grown = Object.entries(later).map(
    ([bucket, n]) => [bucket, n - (earlier[Number(bucket)] ?? 0)] as const,
  )
  return Object.fromEntries(grown.filter(([, n]) => n > 0))
}

/** How many durations were counted. */
export function size(histogram: Histogram): number {
  return Object.values(histogram).reduce((sum, n) => sum + n, 0)
}

/**
 * The duration in milliseconds that a share `q` (0–1) of all durations does not exceed: the upper bound of its bucket;
 * null when there are none.
 */
export function quantile(histogram: Histogram, q: number): number | null {
  const buckets = Object.entries(histogram)
    .map(([bucket, n]) => [Number(bucket), n] as const)
    .toSorted(([a], [b]) => a - b)
  let left = Math.max(1, Math.ceil(q * size(histogram)))
  for (const [bucket, n] of buckets) {
    left -= n
    if (left <= 0) return upperBound(bucket)
  }
  return null
}
