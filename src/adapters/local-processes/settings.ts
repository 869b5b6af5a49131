/** How a platform treats its processes, in the units of the inside. */
export interface Settings {
  /** From an instance's first exit to its restart; each further one takes twice as long. */
  readonly restartDelayMs: number
  readonly longestRestartDelayMs: number
  /** An instance that ran this long starts again with the first delay. */
  readonly steadyMs: number
  /** The size in bytes at which a log file gives way to a new one. */
  readonly logLimit: number
}

/** Node takes a longer wait for one of 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** How long to wait before the restart that follows the `failures`th exit in a row (from 1). */
export function restartDelayMs(
  failures: number,
  { restartDelayMs: first, longestRestartDelayMs: most }: Settings,
): number {
  return Math.min(most, LONGEST_TIMER_MS, first * 2 ** Math.min(failures - 1, 30))
}
