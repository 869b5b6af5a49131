/** The middle one; of an even number, the lower of the two in the middle. */
export function median(values: readonly number[]): number {
  return quantileOf(values, 0.5)
}

/** The value that a share `q` of all values does not exceed. */
export function quantileOf(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
}
