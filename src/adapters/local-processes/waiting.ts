const LONGEST_WAIT_MS = 2 ** 31 - 1

/** Resolves after `ms`; rejects with the reason as soon as the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, Math.min(ms, LONGEST_WAIT_MS))
  return unlessAborted(promise, signal).finally(() => clearTimeout(timer))
}

/** What `work` comes to, or a rejection as soon as the signal aborts: the work goes on, but nobody waits for it. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}
