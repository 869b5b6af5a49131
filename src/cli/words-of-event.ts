// An event of the journal as a line for people.
import type { Envelope } from '../events/envelope.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import { plain } from './text.ts'
import { share } from './view/format.ts'
import { splitWords, verdictWords } from './view/words.ts'

/** `2026-11-24T20:51:57Z shop/1 traffic.shifted (v1 75%, v2 25%) -> monitoring`. */
export function eventLine({ time, rollout, service, event, state }: Envelope): string {
  const said = detailOf(event)
  const detail = said === '' ? '' : ` (${said})`
  const to = state === '' ? '' : ` -> ${state}`
  return plain(`${time.slice(0, 19)}Z ${rollout === '' ? service : rollout} ${event.type}${detail}${to}`)
}

function detailOf(event: RolloutEvent): string {
  switch (event.type) {
    case 'traffic.shifted':
      return splitWords(event)
    case 'analysis.concluded':
      return verdictWords(event.verdict)
    case 'probe.concluded':
      return `${event.version} ${event.health}, ${event.reason}`
    case 'test.concluded':
      return `${event.test} ${event.answer.status}, ${event.answer.message}`
    case 'child.ended':
      return `${event.slot} ${event.outcome.status}`
    case 'weight.requested':
      return by(event, share(event.weight))
    case 'traffic.drained':
      return event.cut === 0 ? event.version : `${event.version}, ${event.cut} cut`
    default:
      return by(event, 'version' in event ? event.version : '')
  }
}

/** With the reason, and with who asked for it. */
function by(event: RolloutEvent, what: string): string {
  const reason = 'reason' in event && event.reason !== undefined ? event.reason : ''
  const who = 'by' in event && event.by !== undefined ? `by ${event.by}` : ''
  return [what, reason, who].filter((part) => part !== '').join(', ')
}
