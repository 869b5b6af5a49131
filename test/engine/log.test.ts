import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

import { pino } from 'pino'
import { describe, expect, test } from 'vitest'

import {
  createLogger,
  type Logger,
  type LogLevel,
  redacting,
  scrub,
  silentLogger,
} from '../../src/engine/log.ts'
import { AdapterError } from '../../src/errors.ts'

const SECRET = 'hunter2'

async function logged(write: (log: Logger) => void, level: LogLevel = 'trace') {
  const lines: string[] = []
  write(await createLogger({ level, destination: { write: (line) => void lines.push(line) } }))
  return { text: lines.join(''), lines: lines.map((line): Record<string, unknown> => JSON.parse(line)) }
}

function sayAll(log: Logger): void {
  for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) log[level]({}, level)
}

describe('a line of the log', () => {
  test('has what is known to be harmless, as it was', async () => {
    const fields = {
      rollout: 'r-1',
      service: 'shop',
      strategy: 'canary',
      state: 'monitoring.baking',
      event: 'traffic.shifted',
      command: 'shiftTraffic',
      version: 'v1.2.3',
      generation: { claim: 3, n: 4 },
      reason: '503 instead of 200',
      code: 'ROUTER_FAILED',
      durationMs: 12,
      attempt: 2,
      url: 'http://127.0.0.1:8080/health',
    }
    const { lines } = await logged((log) => log.info(fields, 'shifted'))
    expect(lines).toEqual([{ level: 30, time: expect.any(Number), ...fields, msg: 'shifted' }])
  })

  test('has nothing else, wherever it stands, and says how much was left out', async () => {
    const { text, lines } = await logged((log) => {
      log.info({ headers: { authorization: `Bearer ${SECRET}` }, env: { DB: SECRET }, [SECRET]: 1 }, 'x')
      log.info(JSON.parse(`{"__proto__":{"token":"${SECRET}"},"constructor":"${SECRET}"}`), 'x')
      log.info({ password: SECRET, config: [[{ deep: SECRET }]], toJSON: () => SECRET }, 'x')
    })
    expect(text).not.toContain(SECRET)
    expect(lines.map(({ redacted }) => redacted)).toEqual([3, 2, 3])
  })

  test('shows nothing of a known field whose value is of another kind', async () => {
    const hidden = { toString: () => SECRET, toJSON: () => SECRET, token: SECRET }
    const { text, lines } = await logged((log) => {
      log.info({ service: hidden, durationMs: SECRET, attempt: [SECRET], reason: hidden, url: [SECRET] }, 'x')
      log.info({ generation: { claim: 1, n: SECRET, token: SECRET } }, 'x')
      log.info({ generation: SECRET, err: hidden, error: [SECRET] }, 'x')
    })
    expect(text).not.toContain(SECRET)
    expect(lines[0]).toMatchObject({ service: '[redacted]', durationMs: '[redacted]', url: '[redacted]' })
    expect(lines[1]).toMatchObject({ generation: { claim: 1, n: '[redacted]' } })
  })

  test('has of an error its name, code and words, and those of its causes, without secrets', async () => {
    const cause = Object.assign(new TypeError(`fetch http://u:${SECRET}@h:1/p?sig=${SECRET} failed`), {
      headers: { cookie: SECRET },
      code: 'ECONNREFUSED',
    })
    const error = new AdapterError('ROUTER_FAILED', `no: token=${SECRET}`, { cause, hint: SECRET })
    const { text, lines } = await logged((log) =>
      log.error({ err: error, error }, `it failed: ${error.message}`),
    )
    expect(text).not.toContain(SECRET)
    const shown = {
      name: 'AdapterError',
      code: 'ROUTER_FAILED',
      message: 'no: token=[redacted]',
      cause: { name: 'TypeError', code: 'ECONNREFUSED', message: 'fetch http://h:1/p failed' },
    }
    expect(lines).toMatchObject([{ err: shown, error: shown, msg: 'it failed: no: token=[redacted]' }])
    expect(text).not.toContain('stack')
  })

  test('ends with the causes of an error that goes round in circles', async () => {
    const error: Error = new Error('round')
    error.cause = error
    const { lines } = await logged((log) => log.error({ err: error }, 'x'))
    expect(JSON.stringify(lines[0]).match(/round/g)).toHaveLength(4)
  })

  test('of a child has its bindings, which are redacted too', async () => {
    const { text, lines } = await logged((log) => {
      log.child({ service: 'shop', token: SECRET }).child({ rollout: 'r' }).warn({ secret: SECRET }, 'x')
    })
    expect(text).not.toContain(SECRET)
    expect(lines).toMatchObject([{ level: 40, service: 'shop', rollout: 'r' }])
  })

  test('is written from the level that was asked for', async () => {
    expect((await logged(sayAll)).lines.map(({ msg }) => msg)).toEqual([
      'trace',
      'debug',
      'info',
      'warn',
      'error',
    ])
    expect((await logged(sayAll, 'warn')).lines.map(({ msg }) => msg)).toEqual(['warn', 'error'])
    expect((await logged(sayAll, 'silent')).lines).toEqual([])
  })
})

describe('a logger', () => {
  test('may be somebody else’s pino, which is redacted all the same', () => {
    const lines: string[] = []
    const theirs: Logger = pino({}, { write: (line: string) => void lines.push(line) })
    redacting(theirs).child({ env: SECRET, service: 'shop' }).info({ token: SECRET }, `token: ${SECRET}`)
    expect(lines.join('')).toContain('"service":"shop"')
    expect(lines.join('')).not.toContain(SECRET)
  })

  test('that is silent says nothing, nor do its children', () => {
    expect(silentLogger.child({ service: 'shop' })).toBe(silentLogger)
    expect(() => silentLogger.error({ reason: 'x' }, 'x')).not.toThrow()
  })

  test('does not load pino before one is created', async () => {
    const module = fileURLToPath(new URL('../../src/engine/log.ts', import.meta.url))
    const code = `
      const { parentPort } = require('node:worker_threads')
      const isLoaded = () => Object.keys(require.cache).some((file) => file.includes('/pino/'))
      import(${JSON.stringify(module)}).then(async ({ createLogger }) => {
        const before = isLoaded()
        await createLogger({ level: 'silent' })
        parentPort.postMessage([before, isLoaded()])
      })`
    const worker = new Worker(code, { eval: true })
    const [answer] = await once(worker, 'message')
    await worker.terminate()
    expect(answer).toEqual([false, true])
  })
})

describe('scrubbing', () => {
  test.each([
    ['http://u:hunter2@h?sig=hunter2', 'http://h'],
    [
      'GET https://u:hunter2@h.example:8443/a/b?x=hunter2#hunter2 failed',
      'GET https://h.example:8443/a/b failed',
    ],
    ['postgres://hunter2@[::1]:5432/db', 'postgres://[::1]:5432/db'],
    ['redis://:hunter2@cache:6379', 'redis://cache:6379'],
    ['(http://h/?t=hunter2)', '(http://h/'],
    ['amqp://u:hun@ter2:hunter2@h/x', 'amqp://h/x'],
    ['http://u:hunter2/hunter2@h/x', 'http://h/x'],
    ['http://u:hunter2?hunter2@h/x', 'http://[redacted]'],
    ['http://h/x?mail=a@hunter2&s=hunter2', 'http://h/x'],
    ['http://u:hunter2', 'http://[redacted]'],
    ['connect u:hunter2@db.internal:5432', 'connect [redacted]@db.internal:5432'],
    ['token=hunter2', 'token=[redacted]'],
    ['a&access_token=hunter2&b=1', 'a&access_token=[redacted]&b=1'],
    ['DB_PASSWORD=hunter2 node server.js', 'DB_PASSWORD=[redacted] node server.js'],
    ['AWS_SECRET_ACCESS_KEY: hunter2', 'AWS_SECRET_ACCESS_KEY: [redacted]'],
    ['{"apiKey":"hunter2 hunter2","n":1}', '{"apiKey":[redacted],"n":1}'],
    [String.raw`{\"token\":\"hunter2\"}`, String.raw`{\"token\":[redacted]}`],
    ["password: 'hunter2 hunter2' ok", 'password: [redacted] ok'],
    ['Authorization: Bearer hunter2.x-y_z', 'Authorization: [redacted]'],
    ['proxy-authorization=Basic aHVudGVyMg==', 'proxy-authorization=[redacted]'],
    ['sent Bearer hunter2hunter2', 'sent Bearer [redacted]'],
    ['Cookie: a=hunter2; b=hunter2\nHost: h', 'Cookie: [redacted]\nHost: h'],
    ['sig=hunter2&x=1', 'sig=[redacted]&x=1'],
    ['got eyJhbGciOiJI.eyJzdWIi.c2lnbmF0dXJl', 'got [redacted]'],
    ['-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY----- end', '[redacted] end'],
    ['-----BEGIN PRIVATE KEY-----\nhunter2', '[redacted]'],
  ])('takes the secret out of %s', (text, expected) => {
    expect(scrub(text)).toBe(expected)
    expect(scrub(text)).not.toContain(SECRET)
  })

  test.each([
    '',
    '503 instead of 200',
    'signal: SIGTERM',
    'author: someone, design: good',
    'http://127.0.0.1:8080/health and http://[::1]:80/x',
    'https://registry.example/@scope/package',
    'connect ECONNREFUSED 127.0.0.1:5432',
    'p99 of 512ms is over 500ms (v3 at 5 %)',
  ])('leaves %s as it is', (text) => {
    expect(scrub(text)).toBe(text)
  })

  test('cuts what is too long, and is done at once also with hostile text', () => {
    expect(scrub('x'.repeat(10_000))).toBe(`${'x'.repeat(4_000)}…`)
    for (const part of [
      'a:',
      'token',
      'http://',
      '@',
      'a:a@',
      '"',
      'eyJ',
      'cookie:',
      '\\"',
      'Bearer ',
      '-----BEGIN ',
    ]) {
      expect(scrub(part.repeat(1_000_000)).length).toBeLessThan(100_000)
    }
  })
})
