import { scrub } from '../../engine/scrub.ts'

interface Where {
  /** The path to what is looked at, as `status.db[0]`; empty for all of it. */
  readonly at: string
  /** Texts that are not to be shown. */
  readonly secrets: readonly string[]
}

/**
 * Where `found` first differs from `expected`, in words: `status.db: "down" instead of "up"`. Objects may have more keys,
 * everything else has to be equal. Null when nothing differs.
 */
export function differenceOf(expected: unknown, found: unknown, where: Where): string | null {
  if (Array.isArray(expected)) return differenceOfLists(expected, found, where)
  if (isObject(expected)) return differenceOfObjects(expected, found, where)
  return expected === found ? null : differs(expected, found, where)
}

function differenceOfLists(expected: readonly unknown[], found: unknown, where: Where): string | null {
  if (!Array.isArray(found)) return differs(expected, found, where)
  if (found.length !== expected.length) {
    return `${place(where)}: ${found.length} entries instead of ${expected.length}`
  }
  for (const [i, each] of expected.entries()) {
    const difference = differenceOf(each, found[i], { ...where, at: `${where.at}[${i}]` })
    if (difference !== null) return difference
  }
  return null
}

function differenceOfObjects(
  expected: Readonly<Record<string, unknown>>,
  found: unknown,
  where: Where,
): string | null {
  if (!isObject(found)) return differs(expected, found, where)
  for (const [key, each] of Object.entries(expected)) {
    const at = where.at === '' ? key : `${where.at}.${key}`
    const difference = Object.hasOwn(found, key)
      ? differenceOf(each, found[key], { ...where, at })
      : `${at} is missing`
    if (difference !== null) return difference
  }
  return null
}

/** Values are shown where neither is known to be a secret, by its name or by what it is. */
function differs(expected: unknown, found: unknown, where: Where): string {
  const values = [found, expected].map((value) => shown(value, where.secrets))
  const isPlain = values.every((value) => scrub(`${where.at}: ${value}`) === `${where.at}: ${value}`)
  return isPlain ? `${place(where)}: ${values.join(' instead of ')}` : `${place(where)} is not as expected`
}

function place({ at }: Where): string {
  return at === '' ? 'the body' : at
}

function shown(value: unknown, secrets: readonly string[]): string {
  if (Array.isArray(value)) return 'a list'
  if (isObject(value)) return 'an object'
  if (typeof value !== 'string') return String(value)
  const hidden = secrets.reduce((left, secret) => left.replaceAll(secret, '[redacted]'), value)
  return hidden.length > 80 ? `"${hidden.slice(0, 80)}…"` : `"${hidden}"`
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
