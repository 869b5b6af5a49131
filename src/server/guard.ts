// Who may ask at all. Everything is refused that a page in somebody's browser could have made that browser send.
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import { hostname } from 'node:os'

import { HttpRefusal } from './refusal.ts'

export interface GuardOptions {
  /** What has to be shown as a bearer token; null when nothing has to be. */
  readonly token: string | null
  /** The names under which this server may be asked for. */
  readonly hosts: Hosts
}

/** `loopback`: only as this machine. `anywhere`: by any address, by this machine's name, and by those named. */
export interface Hosts {
  readonly reach: 'loopback' | 'anywhere'
  readonly names: readonly string[]
}

const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]']
const ANYBODYS: ReadonlySet<string> = new Set(['/inspect', '/inspect/app.js', '/inspect/style.css'])

/** @throws HttpRefusal 405, 421, 403 or 401 for a request that must not be answered */
export function admit(request: Request, { token, hosts }: GuardOptions): void {
  const { method, headers, url } = request
  if (method !== 'GET' && method !== 'POST') {
    throw new HttpRefusal(405, 'only GET and POST are answered here')
  }
  if (!isOurs(headers.get('host') ?? '', hosts)) {
    throw new HttpRefusal(421, 'this server is not known by that name', {
      hint: 'Ask for it by its address, or name the host when it is served',
    })
  }
  if (isForeign(method, headers)) throw new HttpRefusal(403, 'pages of other sites may not ask here')
  // The page itself holds nothing, and a browser can't show a token for it; what the page asks for needs one.
  if (token === null || ANYBODYS.has(new URL(url).pathname)) return
  if (!sameText(headers.get('authorization') ?? '', `Bearer ${token}`)) {
    throw new HttpRefusal(401, 'the token is missing or wrong', {
      hint: 'Send it as authorization: Bearer <token>',
    })
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/**
 * A page of a stranger can give its own name our address (DNS rebinding), and then read what we answer; but it can't help
 * sending that name. The port doesn't matter: tunnels change it.
 */
function isOurs(host: string, { reach, names }: Hosts): boolean {
  const [, name = ''] = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/.exec(host.toLowerCase()) ?? []
  if (LOOPBACK.includes(name) || names.includes(name)) return true
  if (reach === 'loopback') return isIP(name) === 4 && name.startsWith('127.')
  return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 || name === hostname().toLowerCase()
}

/** Browsers say where a request comes from; other programs say nothing of it. Following a link to a page is no asking. */
function isForeign(method: string, headers: Headers): boolean {
  const site = headers.get('sec-fetch-site') ?? 'none'
  const isLink = method === 'GET' && headers.get('sec-fetch-mode') === 'navigate'
  if (site !== 'same-origin' && site !== 'none' && !isLink) return true
  const origin = headers.get('origin')
  return origin !== null && hostOf(origin) !== headers.get('host')?.toLowerCase()
}

function hostOf(origin: string): string | null {
  return URL.parse(origin)?.host ?? null
}

/** Takes as long for any two texts: nobody learns how much of a token was right. */
function sameText(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => createHash('sha256').update(text).digest())
  return x !== undefined && y !== undefined && timingSafeEqual(x, y)
}
