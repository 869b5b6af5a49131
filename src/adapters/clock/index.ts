import type { Clock } from '../../engine/ports.ts'
import { UsageError } from '../../errors.ts'

/** The longest wait that Node can: it takes a longer one for 1 ms. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

/**
 * The machine's clock. Waits are as long as asked for, whatever happens to the time of day meanwhile, and keep the
 * process alive until they are over or cancelled.
 */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    after(ms, fn) {
      checkWait(ms)
      if (ms > LONGEST_WAIT_MS) return inParts(ms, fn)
      const timer = setTimeout(fn, ms)
      return () => clearTimeout(timer)
    },
  }
}

function inParts(ms: number, fn: () => void): () => void {
  let timer: NodeJS.Timeout
  const wait = (left: number): void => {
    const now = Math.min(left, LONGEST_WAIT_MS)
    timer = setTimeout(() => (left > now ? wait(left - now) : fn()), now)
  }
  wait(ms)
  return () => clearTimeout(timer)
}

function checkWait(ms: number): void {
  if (Number.isFinite(ms) && ms >= 0) return
  throw new UsageError('ARGUMENT_INVALID', `expected milliseconds from 0, got ${ms}`, {
    hint: 'Work out how long to wait before asking for it',
  })
}
