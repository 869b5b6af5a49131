// How problems are told: all at once, where they are, each once, and without a secret.
import { describe, expect, test } from 'vitest'

import { ConfigError, formatProblems, loadConfig } from '../../src/config/index.ts'
import { UsageError } from '../../src/errors.ts'
import { directory, LEAST, messagesOf, problemsOf } from './kit.ts'

const SECRET = 'hunter2'

/** The whole report of a file. */
async function reportOf(text: string): Promise<string> {
  await using place = await directory()
  const path = await place.write('bad.yaml', text)
  const error = await loadConfig(path).catch((caught: unknown) => caught)
  if (error instanceof ConfigError) return error.message.replaceAll(`${place.dir}/`, '')
  throw new Error('it was loaded')
}

test('a file with many mistakes is answered once, with all of them in order', async () => {
  const text = `name: shop
strategy: canary
version: 1.10
stable-version: v1
run:
  comand: node server.js
steps:
  - setWeight: 5
  - pause: { duration: 5 minutes }
  - setWeigth: 25
checks:
  - errorRate: { max: 5 }
onBusy: supersed
`
  expect(await reportOf(text))
    .toBe(`bad.yaml:3:10 error version: expected a name, got the number 1.1 (written \`1.10\`) - put it in quotes
  2 | strategy: canary
> 3 | version: 1.10
    |          ^^^^
bad.yaml:4:1 error unknown key "stable-version" - did you mean "stableVersion"?
  3 | version: 1.10
> 4 | stable-version: v1
    | ^^^^^^^^^^^^^^
bad.yaml:6:3 error unknown key "comand" in run - did you mean "command"? (allowed: command, env, cwd, replicas, stopGrace)
  5 | run:
> 6 |   comand: node server.js
    |   ^^^^^^
bad.yaml:9:24 error steps[1].pause.duration: expected a duration, got "5 minutes" - write a number with its unit, for example '250ms', '30s', '2m' or '1h30m' (at most 366 days)
  8 |   - setWeight: 5
> 9 |   - pause: { duration: 5 minutes }
    |                        ^^^^^^^^^
bad.yaml:10:5 error unknown key "setWeigth" in steps[2] - did you mean "setWeight"? (allowed: setWeight, pause)
   9 |   - pause: { duration: 5 minutes }
> 10 |   - setWeigth: 25
     |     ^^^^^^^^^
bad.yaml:12:23 error checks[0].errorRate.max: expected a ratio, got the number 5 - write a number from 0 to 1, for example 0.01 for one percent
  11 | checks:
> 12 |   - errorRate: { max: 5 }
     |                       ^
bad.yaml:13:9 error onBusy: expected refuse, supersede or queue, got "supersed" - did you mean "supersede"?
  12 |   - errorRate: { max: 5 }
> 13 | onBusy: supersed
     |         ^^^^^^^^
7 problems in bad.yaml`)
})

test('the error is one of usage, with its problems as data', async () => {
  await using place = await directory()
  const path = await place.write('bad.yaml', `${LEAST}listen: 70000\n`)
  const error = await loadConfig(path).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(UsageError)
  expect(error).toMatchObject({
    name: 'ConfigError',
    code: 'CONFIG_INVALID',
    problems: [
      {
        file: path,
        line: 5,
        col: 9,
        path: 'listen',
        message:
          "listen: expected a port, got the number 70000 - write a port such as 8080, or an address such as '127.0.0.1:8080'",
        frame: '  4 | run: { command: node server.js }\n> 5 | listen: 70000\n    |         ^^^^^',
      },
    ],
  })
  if (error instanceof ConfigError) expect(formatProblems(error.problems)).toBe(error.message)
})

describe('what is missing', () => {
  test('is said where it should be', async () => {
    const text = 'name: shop\nstrategy: canary\nrun:\n  cwd: .\nhealth: { kind: command }\n'
    expect(await messagesOf(text)).toEqual([
      '3:1 "command" is missing in run: expected a program and its arguments',
      '5:1 "command" is missing in health: expected a program and its arguments',
    ])
  })

  test('is not said beside the key that was meant', async () => {
    expect(await messagesOf('nmae: shop\nstratgey: canary\nversion: v2\nrn: { command: x }\n')).toEqual([
      '1:1 unknown key "nmae" - did you mean "name"?',
      '2:1 unknown key "stratgey" - did you mean "strategy"?',
      '4:1 unknown key "rn" - did you mean "run"?',
    ])
    expect(await messagesOf(`${LEAST}server: { listen: 0.0.0.0:1, tokne: env:X }\n`)).toHaveLength(1)
    expect(await messagesOf(`${LEAST}checks: [{ latncy: {} }]\n`)).toHaveLength(1)
  })

  test('is said beside a key that means nothing', async () => {
    const [first, second] = await messagesOf(
      'banana: 1\nstrategy: canary\nversion: v2\nrun: { command: x }\n',
    )
    expect([first, second].join('\n')).toMatch(/^1:1 .*\n1:1 /)
    expect([first, second].join('\n')).toContain('"name" is missing: expected a name')
  })
})

describe('an unknown key', () => {
  test.each([
    ['drain_timeout', 'drainTimeout'],
    ['DrainTimeout', 'drainTimeout'],
    ['drain-timeout', 'drainTimeout'],
    ['drainTimeuot', 'drainTimeout'],
    ['drainTimout', 'drainTimeout'],
    ['check', 'checks'],
    ['oninterupt', 'onInterrupt'],
  ])('%s was probably %s', async (written, meant) => {
    expect(await messagesOf(`${LEAST}${written}: 1\n`)).toEqual([
      `5:1 unknown key "${written}" - did you mean "${meant}"?`,
    ])
  })

  test('that means nothing is answered with what there is', async () => {
    const [said = ''] = await messagesOf(`${LEAST}banana: 1\n`)
    expect(said).toMatch(/^5:1 unknown key "banana" \(allowed: name, strategy, version, .*stateDir\)$/)
  })

  test('of any length or alphabet is answered', async () => {
    const [long = ''] = await messagesOf(`${LEAST}${'x'.repeat(900)}: 1\n`)
    expect(long).toContain(`unknown key "${'x'.repeat(60)}…"`)
    expect(await messagesOf(`${LEAST}"\\e[31m\\u202E": 1\n`)).toEqual([
      expect.stringContaining('unknown key "�[31m�"'),
    ])
  })
})

const frameOf = async (text: string) => (await problemsOf(text)).map(({ frame }) => frame)

describe('a frame', () => {
  test('of the first line has no line before', async () => {
    expect(await frameOf('name: a/b\nstrategy: canary\nrun: { command: x }\n')).toEqual([
      '> 1 | name: a/b\n    |       ^^^',
    ])
  })

  test('shows control characters as what they are not', async () => {
    const [frame] = await frameOf(`${LEAST}onBusy: "\u001B[31m\u202Ex"\n`)
    expect(frame).toContain('> 5 | onBusy: "�[31m�x"\n')
  })

  test('of a long line shows the part that is meant', async () => {
    const [frame = ''] = await frameOf(
      `${LEAST}checks: [${'{ errorRate: { max: 0.1 } }, '.repeat(20)}{ errorRate: { max: 7 } }]\n`,
    )
    const [, line = '', mark = ''] = (frame ?? '').split('\n')
    expect(line.length).toBeLessThan(180)
    expect(line[mark.indexOf('^')]).toBe('7')
  })

  test('of an endless line is left out', async () => {
    expect(await frameOf(`${LEAST}onBusy: ${'x'.repeat(3_000)}\n`)).toEqual([null])
    const [frame] = await frameOf(`${LEAST}stateDir: ${'x'.repeat(3_000)}\nonBusy: x\n`)
    expect(frame).toBe('  5 | …\n> 6 | onBusy: x\n    |         ^')
  })

  test('marks only the first of the lines that are meant', async () => {
    expect(await frameOf(`${LEAST}onBusy: |\n  a\n  b\n`)).toEqual([
      '  4 | run: { command: node server.js }\n> 5 | onBusy: |\n    |         ^',
    ])
  })
})

describe('a secret', () => {
  test.each([
    [
      'env: { API_TOKEN: hunter2 }',
      'run.env.API_TOKEN: a secret has no place in a file - write a reference: env:NAME or file:path',
    ],
    [
      'env: { api_token: 4hunter2 }',
      'run.env.api_token: a secret has no place in a file - write a reference: env:NAME or file:path',
    ],
    [
      'env: { DB_PASS: "hunter2" }',
      'run.env.DB_PASS: a secret has no place in a file - write a reference: env:NAME or file:path',
    ],
    [
      'env: { STRIPE_SECRET_KEY: hunter2 }',
      'run.env.STRIPE_SECRET_KEY: a secret has no place in a file - write a reference: env:NAME or file:path',
    ],
    [
      'env: { DATABASE_URL: "postgres://shop:hunter2@db/shop" }',
      'run.env.DATABASE_URL: a URL with a password has no place in a file - write a reference: env:NAME or file:path',
    ],
    ['env: { X_TOKEN: "env:hunter2 x" }', 'run.env.X_TOKEN: expected env:NAME or file:path, got a secret'],
    ['env: { DB_PASSWORD: [hunter2] }', 'run.env.DB_PASSWORD: expected text, got a list'],
    ['env: { DB_PASSWORD: { a: hunter2 } }', 'run.env.DB_PASSWORD: expected text, got a mapping'],
  ])('in an environment is refused and not shown: %s', async (env, message) => {
    const text = LEAST.replace('node server.js', `node server.js, ${env}`)
    expect((await messagesOf(text)).map((said) => said.replace(/^\d+:\d+ /, ''))).toEqual([message])
    expect(await reportOf(text)).not.toContain(SECRET)
  })

  test('that is a number is refused and not shown', async () => {
    const text = LEAST.replace('node server.js', 'node server.js, env: { DB_PASSWORD: 123456789 }')
    expect(await messagesOf(text)).toEqual([
      '4:53 run.env.DB_PASSWORD: expected text, got a secret - put it in quotes',
    ])
    expect(await reportOf(text)).not.toContain('123456789')
  })

  test.each([
    [
      'smoke: { basicCall: { headers: { Authorization: Bearer hunter2 } } }',
      'smoke.basicCall.headers.Authorization',
    ],
    [
      'smoke: { tests: [{ name: a, http: { headers: { x-api-key: hunter2 } } }] }',
      'smoke.tests[0].http.headers.x-api-key',
    ],
    [
      'smoke: { tests: [{ name: a, http: { headers: { cookie: session=hunter2 } } }] }',
      'smoke.tests[0].http.headers.cookie',
    ],
    ['server: { listen: 1, token: hunter2 }', 'server.token'],
    ['server: { listen: 1, token: "" }', 'server.token'],
    ['smoke: { endpointUrl: "http://shop:hunter2@127.0.0.1" }', 'smoke.endpointUrl'],
  ])('anywhere else is refused and not shown: %s', async (line, path) => {
    const [problem, ...more] = await problemsOf(`${LEAST}${line}\n`)
    expect(problem?.path.replaceAll(/\["(.*?)"\]/g, '.$1')).toBe(path)
    expect(problem?.message).toMatch(/has no place in a file/)
    expect(more).toEqual([])
    expect(await reportOf(`${LEAST}${line}\n`)).not.toContain(SECRET)
  })

  test.each([
    ['a mistyped key', `${LEAST}tokn: x\ntoken: hunter2\nonBusy: x\n`],
    ['one line above a mistake', `${LEAST}server:\n  token: hunter2\n  listen: x\n`],
    ['a block', `${LEAST}apiKey: |\n  hunter2\n  hunter2\nonBusy: x\n`],
    ['a folded block', `${LEAST}password: >\n  hunter2 x\n\n  hunter2\nonBusy: x\n`],
    ['several lines', `${LEAST}apiKey: "a\n  hunter2"\nonBusy: x\n`],
    ['a list', `${LEAST}apiKey:\n  - hunter2\nonBusy: x\n`],
    ['an alias', `${LEAST}stateDir: &x /hunter2\ntoken: *x\nonBusy: x\n`],
    ['a broken file', `${LEAST}token: a: hunter2\nonBusy: x\n`],
    ['a broken file, as a key', `${LEAST}DB_PASS: hunter2: b\nonBusy: x\n`],
    ['a broken file, in a flow', `${LEAST}run: { env: { DB_PASS: hunter2 }\nonBusy: x\n`],
    ['a key said twice', `${LEAST}DB_PASS: hunter2\nDB_PASS: hunter2\n`],
  ])('is not shown by the frame of %s', async (_, text) => {
    const report = await reportOf(text)
    expect(report).toMatch(/\n>/)
    expect(report).not.toContain(SECRET)
  })

  test.each([
    'TOKEN_TTL: "60"',
    'MAX_TOKENS: "4000"',
    'BYPASS: "1"',
    'KEYBOARD: de',
    'TOKEN: ""',
    'TOKEN: env:TOKEN',
    'DB_PASSWORD: file:/run/secrets/db',
    'URL: http://127.0.0.1:80/a:b@c',
  ])('is not suspected in %s', async (variable) => {
    expect(await messagesOf(LEAST.replace('node server.js', `node server.js, env: { ${variable} }`))).toEqual(
      [],
    )
  })
})

describe('a reference', () => {
  const text = `${LEAST.replace('node server.js', 'node server.js, env: { A: env:NOT_THERE, B: env:THERE, C: file:missing }')}
server: { listen: 1, token: env:NOT_THERE_EITHER }
versions: { v0: { command: x, env: { A: env:NOBODY_NEEDS_IT } } }
`

  test('that names nothing is a problem for who is about to use it', async () => {
    const env = { THERE: '', constructor: 'x' }
    const messages = (await messagesOf(text, { env })).map((said) => said.replace(/\/.*\/missing/, 'missing'))
    expect(messages).toEqual([
      '4:43 run.env.A: NOT_THERE is not set in the environment',
      '4:75 run.env.C: missing can not be read',
      '6:29 server.token: NOT_THERE_EITHER is not set in the environment',
    ])
    expect(await messagesOf(text.replace('A: env:NOT_THERE', 'A: env:toString'), { env })).toHaveLength(3)
  })

  test('is not looked up by who only looks', async () => {
    expect(await messagesOf(text)).toEqual([])
  })
})
