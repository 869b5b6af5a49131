// What an event that ends something says about why.
import type { Verdict } from '../analysis/verdict.ts'
import type { Cause } from '../events/outcome.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'

/** Why something ended: a stable word, and the same for people. */
export interface Reason {
  readonly cause: Cause
  readonly reason: string
}

export function reasonOf(event: RolloutEvent): Reason {
  switch (event.type) {
    case 'abort.requested':
      return { cause: event.cause ?? 'abort', reason: event.reason ?? 'a person asked for it' }
    case 'analysis.concluded':
      return { cause: 'metrics-degraded', reason: wordsOf(event.verdict) }
    case 'probe.concluded':
      return { cause: 'health-check-failure', reason: event.reason }
    case 'version.exited':
      return { cause: 'instance-exited', reason: event.reason }
    case 'version.failed':
      return { cause: 'staging-failed', reason: event.reason }
    case 'traffic.rejected':
      return { cause: 'router-refused', reason: event.reason }
    case 'claim.lost':
      return { cause: 'claim-lost', reason: `${event.by} took the service` }
    default:
      return { cause: 'deployment-timeout', reason: 'it took longer than its deadline allows' }
  }
}

function wordsOf(verdict: Verdict): string {
  return verdict.kind === 'pass' ? 'healthy' : verdict.reason
}
