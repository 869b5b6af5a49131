// Whatever is valid survives being written and read; whatever happens to a text, it is loaded or refused, and nothing else.
import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { stringify } from 'yaml'

import { createBlueGreen } from '../../src/blue-green.ts'
import { createCanary } from '../../src/canary.ts'
import type { RolloutConfig, RolloutFile } from '../../src/config/index.ts'
import { ConfigError, loadConfig } from '../../src/config/index.ts'
import { formatPlan, planOf } from '../../src/config/index.ts'
import { createPipeline } from '../../src/pipeline.ts'
import type { Duration } from '../../src/units.ts'
import { directory } from './kit.ts'

/** Names that YAML could take for something else are names all the same. */
const name = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9_+-]{0,20}[A-Za-z0-9])?$/),
  fc.constantFrom('1.10', '1234e5', 'null', 'true', 'no', '0x1F', '007', '2026-01-01', '1e3', 'y', '0'),
)

const duration: fc.Arbitrary<Duration> = fc.oneof(
  fc.integer({ min: 1, max: 9_999 }).map((n): Duration => `${n}ms`),
  fc.integer({ min: 1, max: 900 }).map((n): Duration => `${n}s`),
  fc
    .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 59 }))
    .map(([m, s]): Duration => `${m}m${s}s`),
)

/** Text as people have it: also what looks like YAML, and every control character but NUL. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }).map((found) => found.replaceAll('\0', '')),
  fc.constantFrom(
    '1.10',
    'a: b',
    '- x',
    '# x',
    '{x}',
    '"',
    "'",
    '&a',
    '*a',
    '!!x',
    '%',
    '@',
    ' x ',
    'a\nb',
    '\t',
    'null',
    '',
  ),
)

const path = fc.stringMatching(/^\/[a-z0-9?=&/{}%.-]{0,20}$/)

const word = fc.stringMatching(/^[a-z0-9.{}=/:-]{1,12}$/)

const command = fc.oneof(word, fc.array(text, { minLength: 1, maxLength: 4 }))

const percentages = fc
  .uniqueArray(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 8 })
  .map((points) => points.toSorted((a, b) => a - b).map((one) => one / 100))

/** Any of the keys, each as often there as not. */
function some<T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(model, { requiredKeys: [] }) as unknown as fc.Arbitrary<Partial<T>>
}

/** Headers and variables whose names hide nothing. */
const values = fc.dictionary(fc.stringMatching(/^x-[a-z]{1,6}0$/), fc.oneof(word, fc.constant('env:HOME')), {
  maxKeys: 3,
})

const run = fc.record({ command }).chain((whole) =>
  some({
    env: values,
    cwd: fc.constantFrom('.', './app', '/srv'),
    replicas: fc.integer({ min: 1, max: 100 }),
    stopGrace: duration,
  }).map((rest) => ({ ...rest, ...whole })),
)

const health = fc.oneof(
  some({
    path,
    timeout: duration,
    status: fc.constantFrom(200, 204),
    body: text,
    headers: values,
    maxLatency: duration,
  }),
  some({ timeout: duration }).map((rest) => ({ ...rest, kind: 'tcp' as const })),
  fc.record({ kind: fc.constant('command' as const), command }),
)

const options = {
  minSamples: fc.integer({ min: 1, max: 1_000 }),
  failureLimit: fc.integer({ min: 0, max: 100 }),
  required: fc.boolean(),
}
const rate = fc.integer({ min: 0, max: 1_000 }).map((n) => n / 1_000)

const check = fc.oneof(
  fc
    .tuple(rate, some({ aboveBaseline: rate, ...options }))
    .map(([max, rest]) => ({ errorRate: { max, ...rest } })),
  fc
    .tuple(
      fc.constantFrom('p50', 'p90', 'p99'),
      duration,
      some({ timesBaseline: fc.integer({ min: 1, max: 1_000 }), ...options }),
    )
    .map(([quantile, limit, rest]) => ({ latency: { [quantile]: limit, ...rest } })),
)

const json = fc
  .jsonValue({ maxDepth: 3 })
  .filter((value) => !/"(?:__proto__|constructor|prototype|<<)"|\\u0000/.test(JSON.stringify(value)))

const call = some({
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  path,
  headers: values,
  body: fc.oneof(text, json),
  expect: some({ status: fc.constantFrom(200, [200, 404]), body: text, json }),
})

const smoke = some({
  timeout: duration,
  budget: duration,
  failFast: fc.boolean(),
  retries: fc.integer({ min: 0, max: 20 }),
  concurrency: fc.integer({ min: 1, max: 100 }),
  healthPath: path,
  basicCall: call,
  tests: fc.uniqueArray(fc.record({ name: name.map((one) => `t${one}`), http: call }), {
    selector: (one) => one.name,
    maxLength: 4,
  }),
})

const shared = {
  version: name.map((one) => `n${one}`),
  stableVersion: name.map((one) => `s${one}`),
  versions: fc.dictionary(name, run, { maxKeys: 3, noNullPrototype: true }),
  listen: fc.oneof(
    fc.integer({ min: 0, max: 65_535 }),
    fc.constantFrom('127.0.0.1:80', '[::1]:8080', '0.0.0.0:0'),
  ),
  health,
  healthCheckInterval: duration,
  healthCheckThreshold: fc.integer({ min: 1, max: 100 }),
  checks: fc.array(check, { maxLength: 4 }),
  window: duration,
  stagingTimeout: duration,
  shiftTimeout: duration,
  degradedTimeout: duration,
  retireAfter: duration,
  drainTimeout: duration,
  rollbackDrainTimeout: duration,
  returnBudget: duration,
  reversible: fc.boolean(),
  onBusy: fc.constantFrom('refuse', 'supersede', 'queue'),
  onInterrupt: fc.constantFrom('rollback', 'detach', 'hold'),
  smoke: fc.oneof(fc.constant(false), smoke),
  server: fc.record({
    listen: fc.integer({ min: 0, max: 65_535 }),
    token: fc.constantFrom('env:TOKEN', 'file:token'),
  }),
  stateDir: fc.constantFrom('.', '../state', '/var/lib/sluice'),
}

const own = fc.oneof(
  some({ trafficSteps: percentages, validationDuration: duration }).map((rest) => ({
    ...rest,
    strategy: 'canary' as const,
  })),
  percentages.map((steps) => ({
    steps: steps.flatMap((step) => [{ setWeight: step }, { pause: { duration: '40s' } }]),
    strategy: 'canary' as const,
  })),
  some({ monitoringDuration: duration }).map((rest) => ({ ...rest, strategy: 'blue-green' as const })),
)

const file = fc
  .tuple(fc.record({ name, run }), own, some(shared))
  .map(([least, strategic, rest]) => ({ ...least, ...strategic, ...rest }) as RolloutFile)

/** What a config is once it is written under a name and loaded. */
async function loadedFrom(content: string, as: string): Promise<RolloutConfig> {
  await using place = await directory()
  const config = await loadConfig(await place.write(as, content))
  return JSON.parse(JSON.stringify(config).replaceAll(place.dir, '/rollout').replaceAll(as, 'rollout'))
}

function isTaken({ strategy, options: found }: RolloutConfig): boolean {
  if (strategy === 'canary') return createCanary(found) !== null
  return strategy === 'blue-green' ? createBlueGreen(found) !== null : createPipeline(found) !== null
}

describe('any valid rollout', () => {
  test.prop([file], { numRuns: 120 })('survives being written as YAML and as JSON', async (rollout) => {
    const fromYaml = await loadedFrom(stringify(rollout), 'rollout.yaml')
    const fromJson = await loadedFrom(JSON.stringify(rollout, null, 2), 'rollout.json')
    expect(fromYaml).toEqual(fromJson)
    expect(fromYaml.options).toMatchObject({ name: rollout.name })
    expect(fromYaml.version).toBe(rollout.version)
    expect(isTaken(fromYaml)).toBe(true)
    expect(formatPlan(planOf(fromYaml))).toContain(rollout.name)
  })

  test.prop([file, fc.constantFrom('\r\n', '\n'), fc.boolean()], { numRuns: 30 })(
    'is the same however its lines end',
    async (rollout, end, isMarked) => {
      const written = JSON.stringify(rollout, null, 2)
      const odd = `${isMarked ? '\u{FEFF}' : ''}${written.replaceAll('\n', end)}`
      expect(await loadedFrom(odd, 'rollout.yaml')).toEqual(await loadedFrom(written, 'rollout.yaml'))
    },
  )
})

/** A piece of a text that is replaced by another. */
interface Slip {
  readonly at: number
  readonly length: number
  readonly by: string
}

const slip: fc.Arbitrary<Slip> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 0, max: 8 }),
  by: fc.oneof(
    fc.constantFrom(
      '',
      ':',
      ': ',
      '\n',
      '  ',
      '\t',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '#',
      '&a ',
      '*a',
      '!!x ',
      '!',
      '|',
      '>',
      '%',
      '---\n',
      '\0',
      '\u{FEFF}',
      '\uD800',
      '? ',
      ',',
      '<<: ',
      '__proto__: ',
      '1.10',
      '.nan',
      '~',
      '@',
      '`',
    ),
    fc.string({ unit: 'binary', maxLength: 5 }),
  ),
})

function withSlips(content: string, slips: readonly Slip[]): string {
  return slips.reduce((found, { at, length, by }) => {
    const start = Math.floor(at * found.length)
    return found.slice(0, start) + by + found.slice(start + length)
  }, content)
}

/** Loaded or refused, with problems that have a place in the text; anything else is thrown. */
async function isAnswered(content: string, as: string): Promise<boolean> {
  await using place = await directory()
  const at = await place.write(as, content)
  try {
    const config = await loadConfig(at)
    return isTaken(config) && formatPlan(planOf(config)) !== ''
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const lines = content.replace(/^\u{FEFF}/u, '').split('\n').length
    return error.problems.length > 0 && error.problems.every(({ line }) => line === null || line <= lines)
  }
}

/** A value put somewhere into data, in place of what was there. */
function withValue(
  data: unknown,
  { steps, value }: { readonly steps: readonly number[]; readonly value: unknown },
): unknown {
  const [step, ...rest] = steps
  if (step === undefined || typeof data !== 'object' || data === null) return value
  const keys = Object.keys(data)
  const key = keys[step % (keys.length + 1)]
  if (key === undefined) return value
  const changed = withValue((data as Readonly<Record<string, unknown>>)[key], { steps: rest, value })
  return Array.isArray(data) ? data.with(Number(key), changed) : { ...data, [key]: changed }
}

describe('any text', () => {
  test.prop(
    [file, fc.array(slip, { minLength: 1, maxLength: 6 }), fc.constantFrom('rollout.yaml', 'rollout.json')],
    {
      numRuns: 250,
    },
  )('made of a rollout by slips of the finger is loaded or refused', async (rollout, slips, as) => {
    const written = as.endsWith('json') ? JSON.stringify(rollout, null, 2) : stringify(rollout)
    expect(await isAnswered(withSlips(written, slips), as)).toBe(true)
  })

  test.prop(
    [
      file,
      fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 5 }),
      fc.oneof(
        fc.jsonValue({ maxDepth: 3 }),
        fc.constantFrom(-0, 1e308, '5 minutes', '1,5h', 'env:', 'file:', '\u0000', {}, [], null),
      ),
    ],
    { numRuns: 250 },
  )('made of a rollout with anything in any place is loaded or refused', async (rollout, steps, value) => {
    expect(await isAnswered(stringify(withValue(rollout, { steps, value })), 'rollout.yaml')).toBe(true)
  })

  test.prop([fc.string({ unit: 'binary', maxLength: 60 })], { numRuns: 120 })(
    'is loaded or refused',
    async (content) => {
      expect(await isAnswered(content, 'rollout.yaml')).toBe(true)
    },
  )
})
