// What a rollout says of itself, in words. Everything here is one line, and safe for a terminal.
import type { Verdict } from '../../analysis/verdict.ts'
import type { RolloutView } from '../../engine/view.ts'
import { plain } from '../text.ts'
import { cost, elapsed, share } from './format.ts'

/** `v1 → v2`, or `v2 (first release)`. */
export function journey({ stable, version }: RolloutView, arrow = '→'): string {
  return stable === null ? `${plain(version)} (first release)` : `${plain(stable)} ${arrow} ${plain(version)}`
}

/** `v1 75%, v2 25%`, or that the service is routed nowhere. */
export function splitWords({ split }: Pick<RolloutView, 'split'>): string {
  const shares = split.map(({ version, weight }) => `${plain(version)} ${share(weight)}`)
  return shares.length === 0 ? 'routed nowhere' : shares.join(', ')
}

export function verdictWords(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'pass':
      return 'pass: nothing speaks against it'
    case 'fail':
      return plain(`fail: ${verdict.reason}`)
    case 'inconclusive':
      return plain(`inconclusive (${verdict.cause}): ${verdict.reason}`)
    case 'error':
      return plain(`error, which is never a pass: ${verdict.reason}`)
  }
}

/** What a person can do for a rollout that goes no further by itself; null for one that does. */
export function callForPerson(view: RolloutView): string | null {
  const { id, service, status, state, parked } = view
  if (status === 'ended') return null
  if (status === 'parked') {
    return plain(`parked: ${parked ?? 'unknown'}; \`sluice rollback ${service}\` takes it back`)
  }
  const [phase, inner] = state.split('.')
  if (phase === 'paused')
    return `waits for a person: \`sluice resume ${id}\`, \`sluice promote ${id}\` or \`sluice abort ${id}\``
  if (phase === 'frozen')
    return `does harm and can't be undone: \`sluice abort ${id} --force\` takes it back anyway, \`sluice resume ${id}\` takes the risk`
  if (inner === 'stranded') return "traffic can't be taken back yet: look at the router; it is tried for ever"
  return null
}

/** How it ended, in one sentence; for one that goes on, where it stands. */
export function endWords(view: RolloutView): string {
  const { id, service, strategy, version, stable, outcome, startedAt, endedAt, state } = view
  const spent = endedAt === null ? '' : ` after ${elapsed(Date.parse(startedAt), Date.parse(endedAt))}`
  const why = outcome?.reason == null ? '' : `: ${outcome.reason}`
  const what = plain(`${id} ${outcome?.status ?? state}${spent}${why}`)
  switch (outcome?.status) {
    case 'promoted':
      return plain(`${id} promoted${spent}: ${service} is served by ${version}`)
    case 'rolled-back': {
      // The version of a rollback is the one that it goes back to.
      const serving = strategy === 'rollback' ? version : stable
      return serving === null ? what : plain(`${what} (${service} is served by ${serving})`)
    }
    default:
      return what
  }
}

/** The ledger's line; null before traffic was first changed. */
export function costWords({ requests }: RolloutView): string | null {
  return requests === null ? null : cost(requests)
}
