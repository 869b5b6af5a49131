import type { Clock } from './ports.ts'

/** Capped exponential back-off: 50 ms, 100 ms, 200 ms … `mostMs`. */
export function backOffMs(attempt: number, mostMs = 5_000): number {
  return Math.min(mostMs, 50 * 2 ** Math.min(attempt, 20))
}

/** Resolves after `ms` of the clock's time, or as soon as the signal aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    })
    const stop = () => {
      cancel()
      resolve()
    }
    signal?.addEventListener('abort', stop, { once: true })
  })
}

/** What `work` comes to, or a rejection as soon as the signal aborts: a call that hangs holds nobody up. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
