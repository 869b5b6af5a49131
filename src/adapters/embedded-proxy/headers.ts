import type { IncomingMessage } from 'node:http'

/** Headers that speak of one connection only (RFC 9110 §7.6.1), and those that this proxy answers itself. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
/** What no `Connection` header can take away, because the message could not be understood without it. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'host'])

/** Headers of an answer that the proxy itself has to know. */
const TELLING: ReadonlySet<string> = new Set(['connection', 'content-length', 'keep-alive'])
const NONE: ReadonlySet<string> = new Set()

/** The header names that a `Connection` header takes with it. */
function nominated(connection: string | undefined): ReadonlySet<string> {
  if (connection === undefined || /^(?:keep-alive|close)$/i.test(connection)) return NONE
  const names = connection.toLowerCase().split(',')
  return new Set(names.map((each) => each.trim()).filter((each) => !FRAMING.has(each)))
}

function isForNextHop(lower: string, dropped: ReadonlySet<string>): boolean {
  return !HOP_BY_HOP.has(lower) && !dropped.has(lower)
}

/** A flat list of names and values without what belongs to one hop. */
function endToEnd(raw: readonly string[], connection: string | undefined): string[] {
  const dropped = nominated(connection)
  const kept: string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [key = '', value = ''] = [raw[i], raw[i + 1]]
    if (isForNextHop(key.toLowerCase(), dropped)) kept.push(key, value)
  }
  return kept
}

/**
 * The headers of a client's request as the version gets them: hop-by-hop headers removed, `Host` as it was, the client's
 * address appended to `X-Forwarded-For`. `X-Forwarded-Proto` and `-Host` that came in are kept, because this proxy speaks
 * no TLS: if someone in front of it does, only they know.
 */
export function forwardedHeaders(req: IncomingMessage): string[] {
  const kept = endToEnd(req.rawHeaders, req.headers.connection)
  const headers: string[] = []
  for (let i = 0; i < kept.length; i += 2) {
    const key = kept[i] ?? ''
    if (key.toLowerCase() !== 'x-forwarded-for') headers.push(key, kept[i + 1] ?? '')
  }
  headers.push('X-Forwarded-For', forwardedFor(req))
  if (req.headers['x-forwarded-proto'] === undefined) headers.push('X-Forwarded-Proto', 'http')
  const { host } = req.headers
  if (req.headers['x-forwarded-host'] === undefined && host !== undefined)
    headers.push('X-Forwarded-Host', host)
  return headers
}

function forwardedFor(req: IncomingMessage): string {
  const address = (req.socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '')
  const before = req.headers['x-forwarded-for']
  return before === undefined || before === '' ? address : `${String(before)}, ${address}`
}

/** The headers of a version's answer as the client gets them. */
export function endToEndHeaders({ rawHeaders, headers }: IncomingMessage): string[] {
  return endToEnd(rawHeaders, headers.connection)
}

/** The part of a version's answer that a client has to know before the body. */
export interface AnswerHead {
  readonly headers: string[]
  /** Null when the answer does not say. */
  readonly length: number | null
  /** Whether the version said how long it keeps a connection open. */
  readonly keepAlive: 'promised' | 'unknown'
}

/** Reads a version's answer head; `raw` is flat, as undici gives it. */
export function answerHead(raw: readonly (Buffer | string)[]): AnswerHead {
  const texts = raw.map((each) => (typeof each === 'string' ? each : each.toString('latin1')))
  const said = new Map<string, string>()
  for (let i = 0; i + 1 < texts.length; i += 2) {
    const key = texts[i]?.toLowerCase() ?? ''
    if (TELLING.has(key)) said.set(key, texts[i + 1] ?? '')
  }
  const length = said.get('content-length')
  return {
    headers: endToEnd(texts, said.get('connection')),
    length: length === undefined ? null : Number(length),
    keepAlive: /timeout=\d/i.test(said.get('keep-alive') ?? '') ? 'promised' : 'unknown',
  }
}

/**
 * The path as a version expects it; null for a request that can't be forwarded: `OPTIONS *`, an encoding other than
 * `chunked`, `Host` said twice or otherwise than in an absolute address (RFC 9112 §3.2, §6.1). All but the first are ways
 * to make two readers see two different requests.
 */
export function pathOf({ url = '', rawHeaders, headers }: IncomingMessage): string | null {
  const encoding = headers['transfer-encoding']
  if (hostsIn(rawHeaders) > 1 || (encoding !== undefined && encoding.toLowerCase() !== 'chunked')) return null
  if (url.startsWith('/')) return url
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed?.protocol !== 'http:' || parsed.host !== hostIn(headers.host)) return null
  return parsed.pathname + parsed.search
}

/** A host as a URL has it: in small letters, without the usual port. */
function hostIn(host: string | undefined): string | null {
  const url = `http://${host ?? ''}`
  return URL.canParse(url) ? new URL(url).host : null
}

function hostsIn(raw: readonly string[]): number {
  return raw.filter((each, i) => i % 2 === 0 && each.length === 4 && each.toLowerCase() === 'host').length
}
