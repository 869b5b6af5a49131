import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { describe, expect, test } from 'vitest'

import { errorRate, latency } from '../../src/analysis/checks.ts'
import { createBlueGreen } from '../../src/blue-green.ts'
import { createCanary, stepsOf } from '../../src/canary.ts'
import { planOf, type RolloutConfig, validateConfig } from '../../src/config/index.ts'
import {
  type BlueGreenOptions,
  type CanaryOptions,
  type PipelineOptions,
  STANDARD,
} from '../../src/options.ts'
import { createPipeline } from '../../src/pipeline.ts'
import { formatMs, percentOf, toMs } from '../../src/units.ts'
import { directory, LEAST, loaded, messagesOf, SWAP } from './kit.ts'

const EXAMPLE = fileURLToPath(new URL('../../examples/rollout.yaml', import.meta.url))

/** What the command does with a config: the part that it is for checks every option anew. */
function made(config: RolloutConfig): { readonly name: string } {
  switch (config.strategy) {
    case 'canary':
      return createCanary(config.options satisfies CanaryOptions)
    case 'blue-green':
      return createBlueGreen(config.options satisfies BlueGreenOptions)
    case 'pipeline':
      return createPipeline(config.options satisfies PipelineOptions)
  }
}

describe('a rollout file', () => {
  test('says a canary with the names of the options', async () => {
    await using place = await directory()
    const path = await place.write(
      'rollout.yml',
      `${LEAST}listen: 127.0.0.1:8080
stableVersion: v1
trafficSteps: [5, 12.5, 100]
validationDuration: 1m30s
healthCheckInterval: 1s
healthCheckThreshold: 5
health: { path: /up, timeout: 1s, status: [200, 204], body: ok, headers: { x-version: '{version}' }, maxLatency: 500ms }
checks:
  - errorRate: { max: 0.01, aboveBaseline: 0, minSamples: 10, failureLimit: 2 }
  - latency: { p90: 500ms, timesBaseline: 1.5, required: false }
window: 500ms
stagingTimeout: 1m
shiftTimeout: 10s
progressDeadline: 1h
degradedTimeout: 20s
retireAfter: 5m
drainTimeout: 15s
rollbackDrainTimeout: 1s
returnBudget: 2m
reversible: false
onBusy: queue
onInterrupt: hold
`,
    )
    const { file, ...config } = await loadedAt(path)
    const run = { command: 'node server.js', cwd: place.dir }
    expect(file).toBe(path)
    expect(config).toEqual({
      strategy: 'canary',
      version: 'v2',
      stable: { version: 'v1', run },
      onInterrupt: 'hold',
      options: {
        name: 'shop',
        run,
        listen: '127.0.0.1:8080',
        stableVersion: 'v1',
        trafficSteps: [5, 12.5, 100],
        validationDuration: '1m30s',
        healthCheckInterval: '1s',
        healthCheckThreshold: 5,
        health: {
          path: '/up',
          timeout: '1s',
          status: [200, 204],
          body: 'ok',
          headers: { 'x-version': '{version}' },
          maxLatency: '500ms',
        },
        checks: [
          errorRate({ max: 0.01, aboveBaseline: 0, minSamples: 10, failureLimit: 2 }),
          latency({ p90: '500ms', timesBaseline: 1.5, required: false }),
        ],
        window: '500ms',
        stagingTimeout: '1m',
        shiftTimeout: '10s',
        progressDeadline: '1h',
        degradedTimeout: '20s',
        retireAfter: '5m',
        drainTimeout: '15s',
        rollbackDrainTimeout: '1s',
        returnBudget: '2m',
        reversible: false,
        onBusy: 'queue',
      },
    })
  })

  test('says a blue-green release', async () => {
    const config = await loaded(`${SWAP}monitoringDuration: 2m\nhealth: { kind: tcp }\n`)
    expect(config).toMatchObject({
      strategy: 'blue-green',
      version: 'v2',
      onInterrupt: 'rollback',
      options: { name: 'shop', monitoringDuration: '2m', health: { kind: 'tcp' } },
    })
    expect(config).not.toHaveProperty('stable')
    expect(config.options).not.toHaveProperty('checks')
  })

  test('with smoke tests is a pipeline of either strategy', async () => {
    const smoke = `smoke:
  failFast: true
  basicCall: { method: PUT, path: /x?y=1, body: { a: [1, null, true] }, expect: { status: 201, json: { ok: true } } }
  tests: [{ name: a, severity: non-critical, http: { path: / } }]
`
    expect(await loaded(LEAST + smoke)).toMatchObject({
      strategy: 'pipeline',
      options: {
        strategy: 'canary',
        smoke: {
          failFast: true,
          basicCall: {
            method: 'PUT',
            path: '/x?y=1',
            body: { a: [1, null, true] },
            expect: { status: 201, json: { ok: true } },
          },
          tests: [{ name: 'a', severity: 'non-critical', http: { path: '/' } }],
        },
      },
    })
    expect(await loaded(`${SWAP}smoke: {}\n`)).toMatchObject({
      strategy: 'pipeline',
      options: { strategy: 'blue-green', smoke: {} },
    })
    expect(await loaded(`${SWAP}smoke: false\n`)).toMatchObject({ strategy: 'blue-green' })
  })

  test('runs a version in a way of its own, and every other version in the common one', async () => {
    const file = `${LEAST}stableVersion: v1\nversions: { v1: { command: old }, v3: { command: newer, replicas: 3 } }\n`
    const commands = async (version?: string) => {
      const { options, stable } = await loaded(file, version === undefined ? {} : { version })
      return [options.run?.command, stable?.run.command]
    }
    expect(await commands()).toEqual(['node server.js', 'old'])
    expect(await commands('v3')).toEqual(['newer', 'old'])
    expect(await commands('v4')).toEqual(['node server.js', 'old'])
  })

  test('is overruled by the version that the caller names', async () => {
    expect((await loaded(LEAST, { version: 'v9' })).version).toBe('v9')
    expect((await loaded(LEAST.replace('version: v2\n', ''), { version: 'v9' })).version).toBe('v9')
    expect(await loaded(LEAST.replace('version: v2\n', ''))).not.toHaveProperty('version')
    expect(await messagesOf(LEAST.replace('v2', '1.10'), { version: 'v9' })).toEqual([])
    await expect(loaded(LEAST, { version: 'a/b' })).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
    expect(await messagesOf(`${LEAST}stableVersion: v1\n`, { version: 'v1' })).toEqual([
      '3:10 version: it is stableVersion, too, so there is nothing to release',
    ])
  })

  test('has its own directory as the start of every path', async () => {
    await using place = await directory()
    const path = await place.write(
      'rollout.yaml',
      `name: shop
strategy: canary
version: v2
run: { command: node server.js, cwd: ./app, env: { KEY: file:secrets/key, OTHER: file:/etc/other, PLAIN: x } }
stateDir: ../state
server: { listen: 0.0.0.0:80, token: file:./token }
smoke: { basicCall: { headers: { authorization: file:auth } }, tests: [{ name: a, http: { headers: { cookie: file:../jar } } }] }
`,
    )
    const config = await loadedAt(path)
    expect(config.server).toEqual({ listen: '0.0.0.0:80', token: `file:${place.dir}/token` })
    expect(config.options).toMatchObject({
      run: {
        cwd: `${place.dir}/app`,
        env: { KEY: `file:${place.dir}/secrets/key`, OTHER: 'file:/etc/other', PLAIN: 'x' },
      },
      stateDir: join(place.dir, '../state'),
      smoke: {
        basicCall: { headers: { authorization: `file:${place.dir}/auth` } },
        tests: [{ http: { headers: { cookie: `file:${join(place.dir, '../jar')}` } } }],
      },
    })
  })

  test('can be read again from what was read: it is plain data', async () => {
    const config = await loadedAt(EXAMPLE)
    expect(structuredClone(config)).toEqual(config)
    expect(JSON.parse(JSON.stringify(config))).toEqual(config)
  })
})

async function steps(text: string) {
  const { options } = await loaded(`${LEAST}progressDeadline: 9h\n${text}`)
  const { trafficSteps, validationDuration } = options as CanaryOptions
  return [trafficSteps, toMs(validationDuration ?? STANDARD.validationDuration)]
}

describe('steps in the words of Argo Rollouts', () => {
  test.each([
    [
      'weights and pauses',
      'steps: [{ setWeight: 5 }, { pause: { duration: 30s } }, { setWeight: 50 }, { pause: { duration: 30s } }]',
      [[5, 50], 30_000],
    ],
    [
      'both in one item',
      'steps: [{ setWeight: 5, pause: { duration: 1h } }, { setWeight: 100, pause: { duration: 1h } }]',
      [[5, 100], 3_600_000],
    ],
    [
      'pauses in a row',
      'steps: [{ setWeight: 5 }, { pause: { duration: 1m } }, { pause: { duration: 250ms } }]',
      [[5], 60_250],
    ],
    ['numbers', 'steps: [5, 10, 100]', [[5, 10, 100], 30_000]],
    ['weights alone', 'steps: [{ setWeight: 5 }, 10]\nvalidationDuration: 2m', [[5, 10], 120_000]],
    [
      'a pause that is what was said anyway',
      'steps: [5, { pause: { duration: 2m } }, 10]\nvalidationDuration: 2m',
      [[5, 10], 120_000],
    ],
    ['no pause at all', 'steps: [{ setWeight: 5, pause: { duration: 0s } }]', [[5], 0]],
  ])('are %s', async (_, text, expected) => {
    expect(await steps(text)).toEqual(expected)
  })

  test.each([
    [
      'a pause for a person',
      '[5, { pause: {} }]',
      'steps[1].pause: a pause without a duration waits for a person, and a canary goes on by itself - write a duration; people pause it with: sluice pause',
    ],
    [
      'a pause for nothing',
      '[{ pause: { duration: 1s } }, 5]',
      'steps[0].pause: nothing to watch yet - begin with setWeight',
    ],
    [
      'a pause without its unit',
      '[5, { pause: { duration: 30 } }]',
      "steps[1].pause.duration: expected a duration, got the number 30 - write a number with its unit, for example '250ms', '30s', '2m' or '1h30m' (at most 366 days)",
    ],
    [
      'times that differ',
      '[5, { pause: { duration: 1m } }, 10, { pause: { duration: 2m } }]',
      'steps[2]: is watched for 2m and the first step for 1m - a canary watches all steps for the same time',
    ],
    [
      'one time and the usual one',
      '[5, { pause: { duration: 1m } }, 10]',
      'steps[2]: is watched for 30s and the first step for 1m - a canary watches all steps for the same time',
    ],
    [
      'weights that fall',
      '[{ setWeight: 50 }, { setWeight: 10 }]',
      'steps[1]: steps have to rise: 10 is not more than 50',
    ],
    [
      'what only Argo can',
      '[5, { setHeaderRoute: { name: x } }]',
      'unknown key "setHeaderRoute" in steps[1] (allowed: setWeight, pause)',
    ],
    ['no step', '[]', 'steps: expected 1 to 100 steps, got 0'],
    ['an empty one', '[{}]', 'steps[0]: expected setWeight or pause'],
    ['a word', '[all]', 'steps[0]: expected a percentage, or setWeight and pause, got "all"'],
  ])('can not be %s', async (_, text, message) => {
    const [said, ...more] = await messagesOf(`${LEAST}steps: ${text}\n`)
    expect(said?.replace(/^5:\d+ /, '')).toBe(message)
    expect(more).toEqual([])
  })

  test('are all looked at, also beside one that is malformed', async () => {
    expect(
      await messagesOf(`${LEAST}steps: [{ setWeigth: 5 }, { pause: {} }, 5, { pause: {} }]\n`),
    ).toHaveLength(3)
  })
})

describe('what was loaded', () => {
  test.each([
    ['a canary', LEAST],
    ['a blue-green release', SWAP],
    ['a pipeline', `${SWAP}smoke: { tests: [{ name: a, http: { method: POST, body: x } }] }\n`],
  ])('is taken by the part that it is for: %s', async (_, text) => {
    expect(made(await loaded(text)).name).toBe('shop')
  })

  test('from the example is a pipeline that the parts take', async () => {
    const config = await loadedAt(EXAMPLE)
    expect(config.strategy).toBe('pipeline')
    expect(made(config).name).toBe('shop')
  })
})

describe('the plan', () => {
  test('says in words what would be done', async () => {
    await using place = await directory()
    const path = await place.write(
      'rollout.yaml',
      `${LEAST}stableVersion: v1
listen: 8080
trafficSteps: [10, 100]
checks: [{ latency: { p99: 1500ms } }]
smoke: { tests: [{ name: buy, http: { method: POST, path: /cart, expect: { status: [200, 201] } } }] }
server: { listen: 7070 }
reversible: false
`,
    )
    const found = await validateConfig(path, { version: 'v9' })
    expect(found.text.replaceAll(place.dir, '')).toBe(
      `/rollout.yaml is valid: a canary release of shop to v9
  stable      v1, unless a version has been released before
  reached at  127.0.0.1:8080
  runs        v1: node server.js (1 instance, in )
  runs        v9: node server.js (1 instance, in )
  health      GET /health answers 200 within 2s, asked every 5s, 3 in a row count
  step 1      10 %, watched for 30s
  step 2      95 %, watched for 30s
  in all      at least 1m of watched traffic; then everything is routed to it
  check       99 % of requests take at most 1.5s (needs 50 requests, harm from 2 failures in a row on)
  smoke test  GET /health answers 200 (built in)
  smoke test  GET / answers 200 (built in)
  smoke test  buy: POST /cart answers 200 or 201
  limit       stagingTimeout 5m
  limit       shiftTimeout 30s
  limit       progressDeadline 30m
  limit       degradedTimeout 1m
  limit       returnBudget 1m
  limit       drainTimeout 30s
  limit       rollbackDrainTimeout 5s
  limit       retireAfter 0ms
  reversible  no: only a person who insists goes back
  server      127.0.0.1:7070, without a token
  Ctrl-C      takes it back`,
    )
  })

  test('is data, too, and says nothing of what environments hold', async () => {
    const text = `${SWAP}versions: { v2: { command: [a, 'b c'], replicas: 2, env: { LEVEL: quiet } } }\n`
    await using place = await directory()
    const found = await validateConfig(await place.write('rollout.yaml', text))
    expect(found).toMatchObject({
      valid: true,
      plan: {
        service: 'shop',
        strategy: 'blue-green',
        version: 'v2',
        stableVersion: null,
        listen: '127.0.0.1:0',
        runs: [{ version: 'v2', command: 'a "b c"', cwd: place.dir, replicas: 2, env: ['LEVEL'] }],
        steps: [{ percentage: 100, watched: '30s' }],
        shortest: '30s',
        smoke: null,
        server: null,
        onInterrupt: 'rollback',
      },
    })
    expect(JSON.stringify('plan' in found && found.plan) + found.text).not.toContain('quiet')
    expect(found.text).toContain('a free port of 127.0.0.1\n')
  })

  test('gives the problems of a file that is wrong, without throwing', async () => {
    await using place = await directory()
    const found = await validateConfig(await place.write('rollout.yaml', LEAST.replace('shop', 'a/b')))
    expect(found).toMatchObject({ valid: false, problems: [{ line: 1, col: 7, path: 'name' }] })
  })

  test.each([[[5, 10, 25, 50, 100]], [[100]], [[97, 100]], [[95, 100]], [[50]], [[5, 99.99]]])(
    'watches a canary of %j where a canary is really watched',
    async (trafficSteps) => {
      const config = await loaded(`${LEAST}trafficSteps: ${JSON.stringify(trafficSteps)}\n`)
      const really = stepsOf({ name: 'shop', trafficSteps })
      expect(planOf(config).steps.map(({ percentage, watched }) => [percentage, watched])).toEqual(
        really.map(({ weight, bakeMs }) => [percentOf(weight), formatMs(bakeMs)]),
      )
    },
  )
})

test('who only defines a rollout loads no checker', async () => {
  const define = new URL('../../src/config/rollout-file.ts', import.meta.url).href
  const program = `
    import { registerHooks } from 'node:module'
    const seen = []
    registerHooks({ resolve: (name, context, next) => { seen.push(name); return next(name, context) } })
    const { defineRollout } = await import('${define}')
    const config = { name: 'shop', strategy: 'canary' }
    console.log(JSON.stringify([defineRollout(config) === config, seen]))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
  expect(JSON.parse(stdout)).toEqual([true, [define]])
})

async function loadedAt(path: string): Promise<RolloutConfig> {
  const found = await validateConfig(path)
  if (found.valid) return found.config
  throw new Error(found.text)
}
