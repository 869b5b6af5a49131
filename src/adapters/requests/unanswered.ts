const BY_CODE: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'the connection was broken off'],
  ['EPIPE', 'the connection was broken off'],
  ['ENOTFOUND', 'unknown host'],
  ['EAI_AGAIN', 'unknown host'],
  ['EHOSTUNREACH', 'host unreachable'],
  ['ENETUNREACH', 'network unreachable'],
  ['ETIMEDOUT', 'the connection timed out'],
  ['HPE_HEADER_OVERFLOW', 'the headers of the answer are too large'],
])

/** There was no answer, or none that can be understood. The message says why in a few words of its own. */
export class Unanswered extends Error {
  constructor(cause: unknown) {
    super(wordsOf(cause), { cause })
    this.name = 'Unanswered'
  }
}

/** What a socket says may hold what was sent or received: only its code is looked at. */
function wordsOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const known = BY_CODE.get(code)
  if (known !== undefined) return known
  if (code.startsWith('HPE_')) return 'the answer is no HTTP'
  return code === '' ? 'no answer' : `no answer (${code})`
}
