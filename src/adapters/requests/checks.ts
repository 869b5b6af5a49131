// What may be sent: everything else is refused before there is a connection.
import { UsageError } from '../../errors.ts'

/** Where a URL leads. */
export interface Place {
  readonly protocol: string
  /** Without the brackets of an IPv6 address. */
  readonly host: string
  readonly port: number
  /** What all paths there begin with; without a slash at its end. */
  readonly base: string
}

const PORTS: ReadonlyMap<string, number> = new Map([
  ['http:', 80],
  ['https:', 443],
])
const TOKEN = /^[\w!#$%&'*+.^`|~-]{1,256}$/
const PATH = /^\/[\x21-\x22\x24-\x7e]{0,8191}$/
/** Of RFC 9110's field values everything that Node sends as it stands. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]{0,8192}$/
/** They say where a message ends and what becomes of the connection: not for those who only write what is in it. */
const FRAMING: ReadonlySet<string> = new Set(
  'connection content-length expect keep-alive proxy-connection te trailer transfer-encoding upgrade'.split(
    ' ',
  ),
)

/** @throws UsageError `ARGUMENT_INVALID` for anything but `http` and `https`, for credentials, a query and a fragment */
export function placeOf(url: string): Place {
  const parsed = typeof url === 'string' ? URL.parse(url) : null
  const defaultPort = PORTS.get(parsed?.protocol ?? '')
  if (parsed === null || defaultPort === undefined)
    throw refused('url: expected one of http or https', "'http://127.0.0.1:3000', for example")
  if (parsed.username !== '' || parsed.password !== '')
    throw refused('url: expected one without credentials', "a header authorization: 'env:NAME' instead")
  if (parsed.search !== '' || parsed.hash !== '')
    throw refused('url: expected one without a query', 'the query into the path')
  return {
    protocol: parsed.protocol,
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? defaultPort : Number(parsed.port),
    base: parsed.pathname.replace(/\/+$/, ''),
  }
}

/** @throws UsageError `ARGUMENT_INVALID` for what is no path of ASCII from `/` on, or has more than 8,192 characters */
export function requirePath(path: string): string {
  if (typeof path === 'string' && PATH.test(path)) return path
  throw refused(
    'path: expected one that begins with / and has at most 8,192 characters',
    'it percent-encoded',
  )
}

/** @throws UsageError `ARGUMENT_INVALID` for what is no method, and for the one that would open a tunnel */
export function requireMethod(method: string): void {
  if (typeof method === 'string' && TOKEN.test(method) && method.toUpperCase() !== 'CONNECT') return
  throw refused('method: expected one of HTTP', "'GET' or 'POST', for example")
}

/**
 * Values are never shown: they may be secrets.
 * @throws UsageError `ARGUMENT_INVALID` for line breaks and all else that is no field of HTTP, and for fields that frame a
 *   message
 */
export function requireHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!TOKEN.test(name)) throw refused('headers: a name is none of HTTP', "'x-api-key', for example")
    if (FRAMING.has(name.toLowerCase()))
      throw refused(`header ${name}: it is set by itself`, 'the others only')
    if (typeof value !== 'string' || !VALUE.test(value))
      throw refused(
        `header ${name}: its value has line breaks or other control characters`,
        'one line of text',
      )
  }
}

function refused(why: string, instead: string): UsageError {
  return new UsageError('ARGUMENT_INVALID', why, { hint: `Write ${instead}` })
}
