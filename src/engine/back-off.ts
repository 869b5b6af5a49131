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
    // Also when nobody waits for it any more, a rejection is heard.
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
  })
}

/** How long something may take, by whose clock, and who may give it up before. */
export interface Limit {
  readonly clock: Clock
  readonly ms: number
  readonly signal?: AbortSignal
}

/** What `work` comes to; a rejection after `ms` of the clock's time, also when it ignores its signal. */
export async function within<T>(
  { clock, ms, signal }: Limit,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController()
  const cancel = clock.after(ms, () => limit.abort(new Error(`no answer within ${ms} ms`)))
  const either = signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal])
  try {
    return await unlessAborted(work(either), either)
  } finally {
    cancel()
  }
}
