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
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Unanswered'
  }
}

/** What a socket says may hold what was sent or received: only its code is looked at. */
export function unanswered(cause: unknown): Unanswered {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return new Unanswered(BY_CODE.get(code) ?? wordsOf(code), { cause })
}

function wordsOf(code: string): string {
  if (code.startsWith('HPE_')) return 'the answer is no HTTP'
  return code === '' ? 'no answer' : `no answer (${code})`
}
