// Secrets are named, not written: what a rollout holds goes into a journal that many can read.

const SECRET_NAME =
  /(?:token|secret|passw(?:or)?d|passphrase|pwd|(?:^|[_-])pass|(?:api|access|private|secret|signing|encryption)[_-]?key|credentials?|authorization|cookie|jwt)$/i
const REFERENCE = /^(?:env:[A-Za-z_]\w*|file:[^\0]+)$/
const WITH_PASSWORD = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]*:[^\s/?#@]+@/i

export const WRITE_A_REFERENCE = 'write a reference: env:NAME or file:path'

/** Whether the value of a key of this name is a secret: `STRIPE_SECRET_KEY`, `authToken`, `Authorization`. */
export function isSecretName(key: string | number | undefined): boolean {
  return typeof key === 'string' && SECRET_NAME.test(key)
}

/** Whether a text names where a secret is, and is none itself. */
export function isReference(value: unknown): value is string {
  return typeof value === 'string' && REFERENCE.test(value)
}

/** What is wrong with a value that may be a reference; null when nothing is. */
export function secretFault(key: string, value: string): string | null {
  if (isReference(value) || value === '') return null
  if (/^(?:env|file):/.test(value)) return `expected env:NAME or file:path, got {got}`
  if (isSecretName(key)) return `a secret has no place in a file - ${WRITE_A_REFERENCE}`
  if (WITH_PASSWORD.test(value)) return `a URL with a password has no place in a file - ${WRITE_A_REFERENCE}`
  return null
}
