import { sleep } from '../../engine/back-off.ts'
import type { Clock } from '../../engine/ports.ts'
import { AdapterError, type ErrorCode } from '../../errors.ts'

/**
 * What is wrong with a simulated part of the world. `hang`: nothing is done and no answer comes, whatever the caller does.
 * `lose-answer`: it is done, and no answer comes. `refuse`: nothing is done, and it says so. `{ slowMs }`: it is done, and
 * answered, that much later.
 */
export type Fault = 'none' | 'hang' | 'lose-answer' | 'refuse' | { readonly slowMs: number }

/** Does `work` the way a fault lets it be done; a refusal is an `AdapterError` with the code `refused`. */
export async function suffering<T>(
  fault: Fault,
  work: () => T | Promise<T>,
  { clock, refused }: { readonly clock: Clock; readonly refused: ErrorCode },
): Promise<T> {
  switch (fault) {
    case 'none':
      return work()
    case 'hang':
      return never()
    case 'lose-answer':
      await work()
      return never()
    case 'refuse':
      throw new AdapterError(refused, 'no answer')
    default:
      await sleep(clock, fault.slowMs)
      return work()
  }
}

/** An answer that never comes. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => {})
}
