// What of a machine may be shown outside: a list of names, like that of the log. All else stays here.
import { scrub } from '../engine/scrub.ts'

/** The parts of contexts that may be shown, at any depth; values of other names are left out. Times end in `Ms`. */
const SHOWN: ReadonlySet<string> = new Set(
  `plan version stable claim n steps step weight environment gates keepStable reversible hold suspects returns cause reason
  target back from restore tries health verified stopped cut leftBehind
  tests results name severity retries failFast concurrency status message attempts
  strategy hasSmoke rollbacks`.split(/\s+/),
)
const TIME = /^[a-z]+(?:[A-Z][a-z]+)*Ms$/

/** A context with only what may be shown of it. */
export function shownContext(context: unknown): unknown {
  return shown(context, (key) => SHOWN.has(key) || TIME.test(key))
}

/** An event: it stands in the journal already, so its names are known; its words are scrubbed once more. */
export function shownEvent(event: object): { readonly type: string } {
  return shown(event, () => true) as { readonly type: string }
}

function shown(value: unknown, isShown: (key: string) => boolean): unknown {
  switch (typeof value) {
    case 'string':
      return scrub(value)
    case 'number':
    case 'boolean':
      return value
    case 'object': {
      if (value === null) return null
      if (Array.isArray(value)) return value.map((each) => shown(each, isShown))
      const entries = Object.entries(value).filter(([key]) => isShown(key))
      return Object.fromEntries(entries.map(([key, each]) => [key, shown(each, isShown)]))
    }
    default:
      return undefined
  }
}
