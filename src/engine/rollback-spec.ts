import type { RollbackSpec } from './spec.ts'
import type { RollbackRequest } from './view.ts'

/** The times of a rollback, in milliseconds. */
export type RollbackTimes = Pick<RollbackSpec, 'stagingMs' | 'drainMs' | 'returnBudgetMs' | 'verifyMs'>

export const ROLLBACK_TIMES: RollbackTimes = {
  stagingMs: 300_000,
  drainMs: 5_000,
  returnBudgetMs: 60_000,
  verifyMs: 10_000,
}

/** What a rollback is to do, as it was asked for. */
export function rollbackSpec(
  service: string,
  { targetVersion, force = false, cause = 'manual', reason, by }: RollbackRequest,
  times: Partial<RollbackTimes> = {},
): RollbackSpec {
  return {
    strategy: 'rollback',
    service,
    target: targetVersion ?? null,
    force,
    keep: false,
    cause,
    reason: reason ?? 'a person asked for it',
    by: by ?? null,
    why: reason ?? null,
    ...ROLLBACK_TIMES,
    ...times,
  }
}
