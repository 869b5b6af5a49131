// Takes secrets out of free text: what a proxy or a database said may hold the URL or the header that it was given.

const REDACTED = '[redacted]'
/** Longer text is cut before it is looked at. */
const LONGEST = 4_000

const URL_PATTERN = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s"'<>`]*)/gi
/** A host, perhaps a port, perhaps a path: nothing in front of the host. */
const PLAIN = /^(?:\[[\da-f:.]+\]|[\w.~%\p{L}\p{N}-]*)(?::\d*)?(?:\/.*)?$/iu
const USERINFO = /(?<![^\s"'(=])[^\s:@/"'(=]+:(?!\/\/)[^\s@"']+@(?=[\w[])/g

const NAME = String.raw`token|secret|passw(?:or)?d|passphrase|pwd|(?:api|access|private)[-_]?key|credential|signature|authorization|session|jwt|(?<![a-z])(?:sig|auth)(?![a-z])`
const VALUE = String.raw`"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&)}\]]+`
const SCHEME = 'Bearer|Basic|Digest|Negotiate|Token|ApiKey'
const PAIR = new RegExp(
  String.raw`((?<![\w.-])[\w.-]*(?:${NAME})[\w.-]*\\?["']?\s*[=:]\s*)(?:\\?["']?(?:${SCHEME})\s+)?(?:${VALUE})`,
  'gi',
)
const COOKIE = /\b((?:set-)?cookie\\?["']?\s*[=:]\s*)[^\r\n]+/gi
const CREDENTIAL = /\b(Bearer|Basic)\s+[\w+/=.~-]{6,}/gi
const JSON_WEB_TOKEN = /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g

/** What a terminal takes for an order, not for text (ECMA-48): colours, titles, links. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const ESCAPE = /\u001b(?:\[[\d:;<=>?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_a-z])/g
const INVISIBLE = /(?!\s)[\p{Cc}\p{Cf}]/gu

/**
 * The text without what is known to carry secrets: user, password, query and fragment of URLs, values of `token=…` and
 * everything named alike, credentials of HTTP, cookies, JSON web tokens and private keys. At most 4,000 characters.
 */
export function scrub(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  return cut
    .replaceAll(PEM, REDACTED)
    .replaceAll(URL_PATTERN, (_, scheme: string, rest: string) => scheme + withoutSecrets(rest))
    .replaceAll(USERINFO, `${REDACTED}@`)
    .replaceAll(COOKIE, `$1${REDACTED}`)
    .replaceAll(PAIR, `$1${REDACTED}`)
    .replaceAll(CREDENTIAL, `$1 ${REDACTED}`)
    .replaceAll(JSON_WEB_TOKEN, REDACTED)
}

/** The text {@link scrub}bed, on one line, without colours and control characters, at most `most` characters long. */
export function scrubLine(text: string, most = 300): string {
  const plain = text
    .slice(0, 2 * LONGEST)
    .replaceAll(ESCAPE, '')
    .replaceAll(INVISIBLE, '')
  const line = scrub(plain).replaceAll(/\s+/g, ' ').trim()
  return line.length > most ? `${line.slice(0, most - 1)}…` : line
}

/** What stands behind `scheme://`. A URL that can be read in two ways is hidden whole. */
function withoutSecrets(rest: string): string {
  const [head = ''] = rest.split(/[?#]/, 1)
  if (PLAIN.test(head)) return head
  const isWhole = rest.lastIndexOf('@') < head.length
  const host = head.slice(head.lastIndexOf('@') + 1)
  return head.includes('@') && isWhole && PLAIN.test(host) ? host : REDACTED
}
