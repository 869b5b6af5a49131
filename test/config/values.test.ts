// Every value that is easily written wrongly, with what the reader is told.
import { describe, expect, test } from 'vitest'

import { LEAST, loaded, messagesOf, SWAP } from './kit.ts'

const DURATION =
  "write a number with its unit, for example '250ms', '30s', '2m' or '1h30m' (at most 366 days)"
const NAME = 'use letters, digits and . _ + - between them, at most 64 characters, for example v1.4.2'
const PERCENTAGE = 'write a number from 0 to 100 with at most two decimals, for example 12.5'
const RATIO = 'write a number from 0 to 1, for example 0.01 for one percent'

/** What is said of one more line below the least rollout, without its place. */
async function saidOf(line: string, base = LEAST): Promise<readonly string[]> {
  return (await messagesOf(`${base}${line}\n`)).map((message) => message.replace(/^\d+:\d+ /, ''))
}

describe('a duration', () => {
  test.each([
    ['5', 'got the number 5'],
    ['"5"', 'got "5"'],
    ['5 minutes', 'got "5 minutes"'],
    ['1,5h', 'got "1,5h"'],
    ['-5s', 'got "-5s"'],
    ['5M', 'got "5M"'],
    ['5m banana', 'got "5m banana"'],
    ['1m1h', 'got "1m1h"'],
    ['9000h', 'got "9000h"'],
    ['1e3s', 'got "1e3s"'],
    ['.inf', 'got the number Infinity (written `.inf`)'],
    ['""', 'got ""'],
    ['true', 'got true'],
    ['', 'got nothing'],
    ['~', 'got ~'],
    ['[5s]', 'got a list'],
    ['{ s: 5 }', 'got a mapping'],
  ])('is not %s', async (value, got) => {
    expect(await saidOf(`stagingTimeout: ${value}`)).toEqual([
      `stagingTimeout: expected a duration, ${got} - ${DURATION}`,
    ])
  })

  test('is not zero where something has to happen in it, and may be where not', async () => {
    expect(await saidOf('window: 0s')).toEqual([
      'window: expected more than zero, got "0s" - for example \'30s\'',
    ])
    expect(await saidOf('retireAfter: 0s')).toEqual([])
  })

  test('may be longer than what a timer of JavaScript can wait', async () => {
    expect(await saidOf('retireAfter: 600h')).toEqual([])
  })
})

describe('a step', () => {
  test.each([
    [
      '[.nan]',
      ['trafficSteps[0]: expected a percentage, got the number NaN (written `.nan`) - ' + PERCENTAGE],
    ],
    ['[-0]', ['trafficSteps[0]: expected a percentage, got the number -0 - ' + PERCENTAGE]],
    [
      '[1e999]',
      ['trafficSteps[0]: expected a percentage, got the number Infinity (written `1e999`) - ' + PERCENTAGE],
    ],
    ['["10"]', ['trafficSteps[0]: expected a percentage, got "10" - ' + PERCENTAGE]],
    ['[100.0001]', ['trafficSteps[0]: expected a percentage, got the number 100.0001 - ' + PERCENTAGE]],
    ['[12.345]', ['trafficSteps[0]: expected a percentage, got the number 12.345 - ' + PERCENTAGE]],
    ['[-1]', ['trafficSteps[0]: expected a percentage, got the number -1 - ' + PERCENTAGE]],
    ['[10, 5]', ['trafficSteps[1]: steps have to rise: 5 is not more than 10']],
    ['[10, 10]', ['trafficSteps[1]: steps have to rise: 10 is not more than 10']],
    ['[0, 10]', ['trafficSteps[0]: the first step has to be more than 0']],
    ['[]', ['trafficSteps: expected 1 to 100 steps, got 0']],
    [
      `[${Array.from({ length: 10_000 }, () => 1).join(', ')}]`,
      ['trafficSteps: expected 1 to 100 steps, got 10000'],
    ],
    ['50', ['trafficSteps: expected a list of percentages, got the number 50']],
  ])('is not one of %.40s', async (value, said) => {
    expect(await saidOf(`trafficSteps: ${value}`)).toEqual(said)
  })

  test('has at most two decimals', async () => {
    expect(await saidOf('trafficSteps: [0.01, 12.5, 33.33, 100]')).toEqual([])
  })
})

describe('a name', () => {
  test.each([
    ['a/b', 'got "a/b"'],
    ['..', 'got ".."'],
    ['"*"', 'got "*"'],
    ['a>b', 'got "a>b"'],
    ['"a\\nb"', 'got "a�b"'],
    ['""', 'got ""'],
    ['"v1 "', 'got "v1 "'],
  ])('is not %s', async (value, got) => {
    expect(await saidOf(`stableVersion: ${value}`)).toEqual([
      `stableVersion: expected a name, ${got} - ${NAME}`,
    ])
  })

  test('is no mapping, not even one that can not be shown', async () => {
    const mapping = '{ toString: 1, valueOf: 1 }'
    expect(
      await saidOf(`stableVersion: ${mapping}\nwindow: ${mapping}\nhealthCheckThreshold: ${mapping}`),
    ).toEqual([
      `stableVersion: expected a name, got a mapping - ${NAME}`,
      `window: expected a duration, got a mapping - ${DURATION}`,
      'healthCheckThreshold: expected a whole number, got a mapping - write a whole number from 1 to 100',
    ])
  })

  test('of a megabyte is cut where it is shown', async () => {
    const [said = ''] = await saidOf(`stableVersion: ${'x'.repeat(200_000)}`)
    expect(said.length).toBeLessThan(300)
    expect(said).toContain(`${'x'.repeat(60)}…`)
  })
})

describe('a value that YAML reads as something else', () => {
  test.each([
    [
      'stableVersion: 1.10',
      'stableVersion: expected a name, got the number 1.1 (written `1.10`) - put it in quotes',
    ],
    [
      'stableVersion: 1234e5',
      'stableVersion: expected a name, got the number 123400000 (written `1234e5`) - put it in quotes',
    ],
    [
      'stableVersion: 0x1F',
      'stableVersion: expected a name, got the number 31 (written `0x1F`) - put it in quotes',
    ],
    [
      'stableVersion: 007',
      'stableVersion: expected a name, got the number 7 (written `007`) - put it in quotes',
    ],
    ['stableVersion: 3', 'stableVersion: expected a name, got the number 3 - put it in quotes'],
    ['stableVersion: true', 'stableVersion: expected a name, got true - put it in quotes'],
    ['stableVersion:', `stableVersion: expected a name, got nothing - ${NAME}`],
  ])('is asked back for its quotes: %s', async (line, said) => {
    expect(await saidOf(line)).toEqual([said])
  })

  test('in lists of arguments and in environments, too', async () => {
    const run = 'versions: { v1: { command: [node, 8080, {version}], env: { PORT: 80, V: {version} } } }'
    expect(await saidOf(run)).toEqual([
      'versions.v1.command[1]: expected text, got the number 8080 - put it in quotes',
      'versions.v1.command[2]: expected text, got a mapping - put it in quotes',
      'versions.v1.env.PORT: expected text, got the number 80 - put it in quotes',
      'versions.v1.env.V: expected text, got a mapping - put it in quotes',
    ])
  })

  test('is no trouble in a key, which is always what was written', async () => {
    const { stable } = await loaded(
      `${LEAST}stableVersion: "1.10"\nversions: { 1.10: { command: old }, 1.1: { command: older } }\n`,
    )
    expect(stable?.run.command).toBe('old')
  })
})

describe('everything else', () => {
  test.each([
    ['listen: 70000', 'listen: expected a port, got the number 70000'],
    ['listen: -1', 'listen: expected a port, got the number -1'],
    ['listen: http://x', 'listen: expected a port, got "http://x"'],
    ['listen: [80]', 'listen: expected a port, got a list'],
  ])('a place to listen at is no %s', async (line, said) => {
    expect(await saidOf(line)).toEqual([
      `${said} - write a port such as 8080, or an address such as '127.0.0.1:8080'`,
    ])
  })

  test.each([
    [
      'healthCheckThreshold: 0',
      'healthCheckThreshold: expected a whole number, got the number 0 - write a whole number from 1 to 100',
    ],
    [
      'healthCheckThreshold: 2.5',
      'healthCheckThreshold: expected a whole number, got the number 2.5 - write a whole number from 1 to 100',
    ],
    ['reversible: "no"', 'reversible: expected true or false, got "no"'],
    ['reversible: no', 'reversible: expected true or false, got "no"'],
    [
      'onBusy: supersed',
      'onBusy: expected refuse, supersede or queue, got "supersed" - did you mean "supersede"?',
    ],
    ['onInterrupt: [hold]', 'onInterrupt: expected rollback, detach or hold, got a list'],
    ['checks: []', null],
    ['checks: [{}]', 'checks[0]: expected errorRate or latency'],
    ['checks: [{ errorRate: {} }]', 'checks[0].errorRate: expected max or aboveBaseline'],
    [
      'checks: [{ errorRate: { max: 1.5 } }]',
      `checks[0].errorRate.max: expected a ratio, got the number 1.5 - ${RATIO}`,
    ],
    [
      'checks: [{ errorRate: { max: 5% } }]',
      `checks[0].errorRate.max: expected a ratio, got "5%" - ${RATIO}`,
    ],
    [
      'checks: [{ latency: { minSamples: 9 } }]',
      'checks[0].latency: expected p99, p90, p50 or timesBaseline',
    ],
    [
      'checks: [{ latency: { p50: 1s, p99: 2s } }]',
      'checks[0].latency.p99: p50 and p99 are 2 checks - write a list item for each',
    ],
    [
      'checks: [{ latency: { timesBaseline: 0.5 } }]',
      'checks[0].latency.timesBaseline: expected a factor, got the number 0.5 - write a number from 1 to 1000, for example 2',
    ],
    [
      'checks: [{ errorRate: { max: 0.1 }, latency: { p99: 1s } }]',
      'checks[0].latency: a check is one question - write a list item for each',
    ],
    [
      'checks: [{ errorRate: { max: 0.1, failureLimit: 101 } }]',
      'checks[0].errorRate.failureLimit: expected a whole number, got the number 101 - write a whole number from 0 to 100',
    ],
    ['health: /health', 'health: expected a probe, got "/health"'],
    ['health: { kind: tpc }', 'health.kind: expected http, tcp or command, got "tpc" - did you mean "tcp"?'],
    ['health: { kind: tcp, path: / }', 'unknown key "path" in health (allowed: kind, timeout)'],
    ['health: { kind: command }', '"command" is missing in health: expected a program and its arguments'],
    ['health: { path: health }', 'health.path: expected a path such as /health, got "health"'],
    [
      'health: { status: 99 }',
      'health.status: expected a whole number, got the number 99 - write a whole number from 100 to 599',
    ],
    [
      'health: { status: [200, ok] }',
      'health.status[1]: expected a whole number, got "ok" - write a whole number from 100 to 599',
    ],
    ['health: { headers: { "a b": c } }', 'health.headers: expected a name of a header, got "a b"'],
    ['smoke: true', 'smoke: expected smoke tests or false, got true'],
    [
      'smoke: { endpointUrl: ftp://x }',
      'smoke.endpointUrl: expected a URL such as http://127.0.0.1:8080, got "ftp://x"',
    ],
    [
      'smoke: { retries: 21 }',
      'smoke.retries: expected a whole number, got the number 21 - write a whole number from 0 to 20',
    ],
    ['smoke: { tests: [{ name: health, http: {} }] }', 'smoke.tests[0].name: another test has this name'],
    [
      'smoke: { tests: [{ name: a, http: {} }, { name: a, http: {} }] }',
      'smoke.tests[1].name: another test has this name',
    ],
    ['smoke: { tests: [{ name: a }] }', '"http" is missing in smoke.tests[0]: expected a request'],
    [
      'smoke: { basicCall: { method: get } }',
      'smoke.basicCall.method: expected a method such as GET, got "get"',
    ],
    [
      'smoke: { basicCall: { headers: { x: "a\\r\\nb" } } }',
      'smoke.basicCall.headers.x: expected one line, got "a��b"',
    ],
    ['stateDir: ""', 'stateDir: expected a path, got ""'],
    ['server: 80', 'server: expected a server, a mapping with listen, got the number 80'],
    [
      'server: {}',
      '"listen" is missing in server: expected a port - write a port such as 8080, or an address such as \'127.0.0.1:8080\'',
    ],
  ])('%s', async (line, said) => {
    expect(await saidOf(line)).toEqual(said === null ? [] : [said])
  })

  test.each([
    [
      'node server.js | tee log',
      'it is not given to a shell, so quotes, pipes and variables mean nothing - write a list: [node, server.js, "a b"]',
    ],
    ['"  "', 'expected a program and its arguments, got "  "'],
    ['[]', 'expected a program and its arguments, got a list'],
    ['7', 'expected a program and its arguments, got the number 7'],
  ])('a command is not %s', async (value, said) => {
    expect(
      await saidOf(`versions: { v1: { command: ${value.includes('|') ? `'${value}'` : value} } }`),
    ).toEqual([`versions.v1.command: ${said}`])
  })

  test.each([
    [
      'replicas: 0',
      'versions.v1.replicas: expected a whole number, got the number 0 - write a whole number from 1 to 100',
    ],
    [
      'replicas: 101',
      'versions.v1.replicas: expected a whole number, got the number 101 - write a whole number from 1 to 100',
    ],
    ['env: { "A B": c }', 'versions.v1.env: expected a name of a variable, got "A B"'],
    ['env: [A=b]', 'versions.v1.env: expected variables, got a list'],
  ])('to run a version, %s is not possible', async (line, said) => {
    expect(await saidOf(`versions: { v1: { command: x, ${line} } }`)).toEqual([said])
  })
})

describe('values that do not go together', () => {
  test.each([
    [
      'canary',
      'monitoringDuration: 1m',
      'monitoringDuration: is of a blue-green, and the strategy is canary: that is watched for validationDuration',
    ],
    [
      'blue-green',
      'validationDuration: 1m',
      'validationDuration: is of a canary, and the strategy is blue-green: that is watched for monitoringDuration',
    ],
    [
      'blue-green',
      'trafficSteps: [5]',
      'trafficSteps: is of a canary, and the strategy is blue-green: that is watched for monitoringDuration',
    ],
    ['canary', 'stableVersion: v2', 'version: it is stableVersion, too, so there is nothing to release'],
    ['canary', 'trafficSteps: [5]\nsteps: [5]', 'steps: trafficSteps says the same - keep one of the two'],
    [
      'canary',
      'validationDuration: 1h',
      'validationDuration: traffic is watched for 1h, but 30m without a step forward already waits for a person - write a longer progressDeadline',
    ],
    [
      'blue-green',
      'monitoringDuration: 1h\nprogressDeadline: 1h',
      'progressDeadline: traffic is watched for 1h, but 1h without a step forward already waits for a person - write a longer progressDeadline',
    ],
    [
      'canary',
      'steps: [{ setWeight: 5 }, { pause: { duration: 2h } }]',
      'steps: traffic is watched for 2h, but 30m without a step forward already waits for a person - write a longer progressDeadline',
    ],
    [
      'canary',
      'server: { listen: 0.0.0.0:80 }',
      'server.listen: others can reach this address - say who may, with token: env:NAME',
    ],
    [
      'canary',
      'server: { listen: "[::]:80" }',
      'server.listen: others can reach this address - say who may, with token: env:NAME',
    ],
  ])('%s: %s', async (strategy, line, said) => {
    expect(await saidOf(line, strategy === 'canary' ? LEAST : SWAP)).toEqual([said])
  })

  test.each(['8080', '127.0.0.1:80', '"[::1]:80"', 'localhost:80'])(
    'a server at %s needs no token',
    async (listen) => {
      expect(await saidOf(`server: { listen: ${listen} }`)).toEqual([])
    },
  )

  test('nobody says how to run what is released, or what is stable', async () => {
    const file = 'name: shop\nstrategy: canary\nversion: v2\nstableVersion: v1\n'
    const how = 'write run: { command: node server.js }'
    expect(await messagesOf(file)).toEqual([
      `3:10 version: nobody says how to run v2 - ${how}`,
      `4:16 stableVersion: nobody says how to run v1 - ${how}`,
    ])
    expect(await messagesOf(`${file}versions: { v2: { command: a }, v1: { command: b } }\n`)).toEqual([])
    expect(await messagesOf(`${file}versions: { v2: { command: a } }\n`)).toHaveLength(1)
    expect(await messagesOf('name: shop\nstrategy: canary\n')).toEqual([
      `1:1 nobody says how to run a version - ${how}`,
    ])
  })
})
