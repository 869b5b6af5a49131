import type { Backend, Listen, Route } from '../../engine/ports.ts'
import { UsageError } from '../../errors.ts'
import type { Generation } from '../../events/generation.ts'
import type { Endpoint } from '../../events/rollout-event.ts'
import { count, name, weight } from '../../units.ts'
import type { Message } from './wire.ts'

type Fields = Readonly<Record<string, unknown>>

const MOST = Number.MAX_SAFE_INTEGER
const LONGEST_DRAIN_MS = 24 * 3_600_000

/**
 * Reads one message of the control channel, believing nothing.
 * @throws UsageError `ARGUMENT_INVALID` saying which field is wrong
 */
export function decodeMessage(line: string): Message {
  const fields = fieldsOf(parse(line), 'message')
  const id = integer(fields['id'], 'id')
  const op = fields['op']
  switch (op) {
    case 'hello':
      return {
        id,
        op,
        token: text(fields['token'], 'token'),
        protocol: integer(fields['protocol'], 'protocol'),
      }
    case 'apply':
      return { id, op, route: decodeRoute(fields['route']) }
    case 'read':
    case 'remove':
      return { id, op, service: named(fields['service'], 'service') }
    case 'drain':
      return {
        id,
        op,
        service: named(fields['service'], 'service'),
        version: named(fields['version'], 'version'),
        ms: count(integer(fields['ms'], 'ms'), 'ms', { most: LONGEST_DRAIN_MS }),
      }
    case 'counts':
      return {
        id,
        op,
        service: named(fields['service'], 'service'),
        claim: integer(fields['claim'], 'claim'),
      }
    case 'stop':
      return {
        id,
        op,
        graceMs: count(integer(fields['graceMs'], 'graceMs'), 'graceMs', { most: LONGEST_DRAIN_MS }),
      }
    case 'list':
    case 'cancel':
      return { id, op }
    default:
      throw new UsageError(
        'ARGUMENT_INVALID',
        `op: the proxy does not know ${JSON.stringify(op) ?? 'nothing'}`,
        {
          hint: 'It knows hello, apply, read, drain, remove, counts, list, stop and cancel',
        },
      )
  }
}

/**
 * Reads a route, believing nothing.
 * @throws UsageError `ARGUMENT_INVALID` saying which field is wrong
 */
export function decodeRoute(value: unknown): Route {
  const fields = fieldsOf(value, 'route')
  const backends = list(fields['backends'], 'route.backends').map(decodeBackend)
  checkSplit(backends)
  return {
    service: named(fields['service'], 'route.service'),
    listen: decodeListen(fields['listen']),
    generation: decodeGeneration(fields['generation']),
    backends,
  }
}

function checkSplit(backends: readonly Backend[]): void {
  const sum = backends.reduce((total, each) => total + each.weight, 0)
  if (sum !== 0 && sum !== 10_000) {
    throw new UsageError('ARGUMENT_INVALID', `route.backends: the weights sum to ${sum / 100} %`, {
      hint: 'They have to sum to 100 %, or all be 0',
    })
  }
  const twice = backends.find(({ version }, i) => backends.findIndex((b) => b.version === version) !== i)
  if (twice === undefined) return
  throw new UsageError('ARGUMENT_INVALID', `route.backends: ${twice.version} is there twice`, {
    hint: 'Name each version once, with all its endpoints',
  })
}

function decodeBackend(value: unknown, i: number): Backend {
  const at = `route.backends[${i}]`
  const fields = fieldsOf(value, at)
  const points = count(integer(fields['weight'], `${at}.weight`), `${at}.weight`, { most: 10_000 })
  return {
    version: named(fields['version'], `${at}.version`),
    weight: weight(points / 100, `${at}.weight`),
    endpoints: list(fields['endpoints'], `${at}.endpoints`).map((each, j) =>
      decodeEndpoint(each, `${at}.endpoints[${j}]`),
    ),
  }
}

function decodeEndpoint(value: unknown, at: string): Endpoint {
  const fields = fieldsOf(value, at)
  const url = text(fields['url'], `${at}.url`)
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed === null || parsed.protocol !== 'http:' || parsed.pathname !== '/' || parsed.search !== '') {
    throw new UsageError('ARGUMENT_INVALID', `${at}.url: can't forward to '${url.slice(0, 60)}'`, {
      hint: 'Write an http address without a path, for example http://127.0.0.1:3000',
    })
  }
  return { instance: text(fields['instance'], `${at}.instance`), url }
}

function decodeListen(value: unknown): Listen {
  const fields = fieldsOf(value, 'route.listen')
  const port = count(integer(fields['port'], 'route.listen.port'), 'route.listen.port', { most: 65_535 })
  return { host: text(fields['host'], 'route.listen.host'), port }
}

function decodeGeneration(value: unknown): Generation {
  const fields = fieldsOf(value, 'route.generation')
  return {
    claim: integer(fields['claim'], 'route.generation.claim'),
    n: integer(fields['n'], 'route.generation.n'),
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new UsageError('ARGUMENT_INVALID', 'message: not JSON', {
      cause,
      hint: 'Send one JSON object a line',
    })
  }
}

function fieldsOf(value: unknown, what: string): Fields {
  if (isFields(value)) return value
  throw wrong(what, 'an object', value)
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function list(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value) && value.length <= 10_000) return value
  throw wrong(what, 'a list of at most 10,000', value)
}

function text(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= 2_000) return value
  throw wrong(what, 'a text', value)
}

function named(value: unknown, what: string): string {
  return name(text(value, what), what)
}

function integer(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) {
    return count(value, what, { most: MOST })
  }
  throw wrong(what, 'a whole number', value)
}

function wrong(what: string, wanted: string, value: unknown): UsageError {
  const got = (JSON.stringify(value) ?? 'nothing').slice(0, 60)
  return new UsageError('ARGUMENT_INVALID', `${what}: expected ${wanted}, got ${got}`, {
    hint: 'See the route in the documentation of the TrafficRouter port',
  })
}
