// The parts of a rollout file, each checked for itself.
import * as z from 'zod'

import {
  choice,
  duration,
  factor,
  flag,
  fraction,
  list,
  listening,
  mapping,
  named,
  objecting,
  oneOf,
  percentage,
  text,
  textThat,
  whole,
} from './leaves.ts'
import {
  checkRules,
  latencyRules,
  limitRules,
  referenceRules,
  serverRules,
  stepPartRules,
  suiteRules,
} from './rules.ts'
import { isReference, WRITE_A_REFERENCE } from './secrets.ts'

/** Of a rule that is looked at whatever else is wrong. */
export const always = { when: () => true }

export const time = () => duration({ zero: false })
export const timeOrNone = () => duration({ zero: true })

type Fault = (found: string) => string | null

/** Texts by name. */
function texts(noun: string, nameFault: Fault, value: z.ZodString) {
  return z.record(z.string().check(objecting(nameFault)), value, { error: `expected ${noun}, got {got}` })
}

const variables = () => texts('variables', variableFault, text('text')).superRefine(referenceRules, always)
const headers = () => texts('headers', headerFault, textThat('text', lineFault))

const variableFault: Fault = (found) =>
  /^[^\s=]+$/.test(found) ? null : 'expected a name of a variable, got {got}'
const headerFault: Fault = (found) =>
  /^[\w!#$%&'*+.^`|~-]+$/.test(found) ? null : 'expected a name of a header, got {got}'
const lineFault: Fault = (found) => (/[\r\n]/.test(found) ? 'expected one line, got {got}' : null)
const pathFault: Fault = (found) =>
  /^\/[^\s#\p{Cc}]{0,1999}$/u.test(found) ? null : 'expected a path such as /health, got {got}'
const methodFault: Fault = (found) =>
  /^[A-Z]{3,12}$/.test(found) && found !== 'CONNECT' ? null : 'expected a method such as GET, got {got}'
const urlFault: Fault = (found) => {
  const url = URL.canParse(found) ? new URL(found) : null
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return 'expected a URL such as http://127.0.0.1:8080, got {got}'
  }
  return url.username + url.password === '' ? null : 'a URL with a password has no place in a file'
}

const path = () => textThat('a path', pathFault).meta({ pattern: String.raw`^/[^\s#]*$` })

export const filePath = () =>
  textThat('a path', (found) => (found === '' ? 'expected a path, got {got}' : null))

const PROGRAM = 'a program and its arguments'
const command = () =>
  z
    .union(
      [
        textThat(PROGRAM, commandFault),
        list('arguments', text('text')).min(1, `expected ${PROGRAM}, got {got}`),
      ],
      {
        error: `expected ${PROGRAM}, got {got}`,
      },
    )
    .describe('Program and arguments, as a list or separated by spaces; never given to a shell')

/** What only a shell would understand; the same that the options of TypeScript refuse. */
function commandFault(found: string): string | null {
  if (found.trim() === '') return `expected ${PROGRAM}, got {got}`
  return /["'`$|&;<>]/.test(found)
    ? 'it is not given to a shell, so quotes, pipes and variables mean nothing - write a list: [node, server.js, "a b"]'
    : null
}

const status = () =>
  z
    .union(
      [whole(100, 599), list('status codes', whole(100, 599)).min(1, 'expected a status code, got {got}')],
      {
        error: 'expected a status code or a list of them, got {got}',
      },
    )
    .describe('The accepted status codes (200)')

export const run = mapping('how to run it, a mapping with a command', {
  command: command(),
  env: variables()
    .describe('Values may be references: env:NAME or file:path, resolved when the process starts')
    .exactOptional(),
  cwd: filePath()
    .describe('Where it runs, from the directory of this file on (that directory)')
    .exactOptional(),
  replicas: whole(1, 100).describe('How many instances (1)').exactOptional(),
  stopGrace: timeOrNone().describe('From SIGTERM to SIGKILL (10s)').exactOptional(),
})

const KINDS = ['http', 'tcp', 'command'] as const

export const health = z.discriminatedUnion(
  'kind',
  [
    mapping('a probe', {
      kind: z.literal('http').exactOptional(),
      path: path().describe('(/health)').exactOptional(),
      timeout: time().describe('How long the whole answer may take (2s)').exactOptional(),
      status: status().exactOptional(),
      body: text('text').describe('What the body has to contain').exactOptional(),
      headers: headers().describe('What the answer has to have; {version} is filled in').exactOptional(),
      maxLatency: time().describe('An answer that took longer is not healthy').exactOptional(),
    }),
    mapping('a probe', { kind: z.literal('tcp'), timeout: time().describe('(2s)').exactOptional() }),
    mapping('a probe', {
      kind: z.literal('command'),
      command: command(),
      timeout: time().describe('(10s)').exactOptional(),
    }),
  ],
  {
    error: ({ input }) =>
      typeof input === 'object' && input !== null
        ? `expected ${oneOf(KINDS)}, got {got}`
        : 'expected a probe, got {got}',
  },
)

const checkOptions = {
  minSamples: whole(1, 1_000_000).describe('Requests needed before it says anything (50)').exactOptional(),
  failureLimit: whole(0, 100)
    .describe('Failed measurements in a row that are still only suspicion (1)')
    .exactOptional(),
  required: flag().describe('Whether a step only counts while this check has data (true)').exactOptional(),
}

export const check = mapping('a check', {
  errorRate: mapping('limits', {
    max: fraction().describe('The highest rate that is still fine, 0 to 1').exactOptional(),
    aboveBaseline: fraction()
      .describe("How far above the baseline's rate is still fine, 0 to 1")
      .exactOptional(),
    ...checkOptions,
  })
    .superRefine(limitRules, always)
    .describe('Failed requests over all requests')
    .exactOptional(),
  latency: mapping('limits', {
    p50: time().exactOptional(),
    p90: time().exactOptional(),
    p99: time().describe('The time that 99 % of requests may take').exactOptional(),
    timesBaseline: factor()
      .describe("How many times the baseline's is still fine, 1 to 1000")
      .exactOptional(),
    ...checkOptions,
  })
    .superRefine(latencyRules, always)
    .describe('The time to the last byte that most requests do not exceed')
    .exactOptional(),
})
  .superRefine(checkRules, always)
  .meta({ minProperties: 1, maxProperties: 1 })

export const step = z.union(
  [
    percentage(),
    mapping('a step', {
      setWeight: percentage()
        .describe('The most of the traffic that the canary may get, in percent')
        .exactOptional(),
      pause: mapping('a pause, a mapping with a duration', { duration: timeOrNone().exactOptional() })
        .describe('How long it has to be observed and healthy')
        .exactOptional(),
    }).superRefine(stepPartRules, always),
  ],
  { error: 'expected a percentage, or setWeight and pause, got {got}' },
)

const call = {
  method: textThat('a method', methodFault).describe('(GET, or POST with a body)').exactOptional(),
  path: path().describe('(/)').exactOptional(),
  headers: headers()
    .superRefine(referenceRules, always)
    .describe('Values may be references: env:NAME or file:path')
    .exactOptional(),
  body: z.unknown().describe('Text, or anything else to be sent as JSON').optional(),
  expect: mapping('an answer', {
    status: status().exactOptional(),
    body: text('text').describe('What the body has to contain').exactOptional(),
    json: z.unknown().describe('What JSON the body has to contain; objects may have more keys').optional(),
  })
    .describe('What has to come back (status 200)')
    .exactOptional(),
}

const retries = () => whole(0, 20).describe('How often a failed test is tried again, 0 to 20').exactOptional()

const test = mapping('a test', {
  name: named().describe('Unique within the suite'),
  http: mapping('a request', call),
  severity: choice(['critical', 'non-critical'])
    .describe('Only critical tests decide (critical)')
    .exactOptional(),
  timeout: time().describe("How long one attempt may take (the suite's timeout)").exactOptional(),
  retries: retries(),
})

export const smoke = mapping('smoke tests', {
  endpointUrl: textThat('a URL', urlFault)
    .describe('Where to ask (an instance of the new version)')
    .exactOptional(),
  timeout: time().describe('How long one attempt may take (30s)').exactOptional(),
  budget: time().describe('How long the whole run may take (10m)').exactOptional(),
  failFast: flag().describe('Whether the first critical failure skips the rest (false)').exactOptional(),
  retries: retries(),
  concurrency: whole(1, 100).describe('How many tests run at once (4)').exactOptional(),
  healthPath: path().describe('The path of the built-in health check (/health)').exactOptional(),
  basicCall: mapping('a request', call)
    .describe("The built-in call of the service's main API")
    .exactOptional(),
  tests: list('tests', test).describe('Your own tests, beside the two built in').exactOptional(),
}).superRefine(suiteRules, always)

export const server = mapping('a server, a mapping with listen', {
  listen: listening().describe('A port of 127.0.0.1, or host:port'),
  token: textThat(WRITE_A_REFERENCE, (found) =>
    isReference(found) ? null : `a token has no place in a file - ${WRITE_A_REFERENCE}`,
  )
    .describe('What callers have to show, as a reference: env:NAME or file:path; necessary beyond loopback')
    .exactOptional(),
}).superRefine(serverRules, always)
