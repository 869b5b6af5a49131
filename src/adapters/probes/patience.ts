import { formatMs } from '../../units.ts'
import { Unanswered } from '../requests/index.ts'

/** A timer that is later than this was held up by this process, not by the one who is asked. */
const LATE_MS = 100

/**
 * Does `work` with a signal that also aborts after `ms` in which an answer could have been noticed.
 * @throws Unanswered as the reason of that signal: `no answer within 2s`
 */
export async function within<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController()
  const forget = afterPatience(ms, () => limit.abort(new Unanswered(`no answer within ${formatMs(ms)}`)))
  try {
    return await work(AbortSignal.any([signal, limit.signal]))
  } finally {
    forget()
  }
}

/**
 * When this process itself stood still, the answers that came meanwhile lie unread, and the timer would be first: it waits
 * once more.
 */
function afterPatience(ms: number, fn: () => void): () => void {
  const due = performance.now() + ms
  let timer = setTimeout(() => {
    if (performance.now() - due < LATE_MS) fn()
    else timer = setTimeout(fn, ms)
  }, ms)
  return () => clearTimeout(timer)
}
