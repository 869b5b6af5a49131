// Configs that are programs. They are imported by a process of their own, as the command would: one for all of them, because
// a process is dear.
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { describe, expect, test } from 'vitest'

import type { Problem, RolloutConfig } from '../../src/config/index.ts'
import { directory } from './kit.ts'

const MAIN = fileURLToPath(new URL('./load-main.ts', import.meta.url))
const DEFINE = fileURLToPath(new URL('../../src/config/rollout-file.ts', import.meta.url))
const LEAST = `{ name: 'shop', strategy: 'canary', version: 'v2', run: { command: ['node', 'server.js'] } }`

interface Outcome {
  readonly config?: RolloutConfig
  readonly problems?: readonly Problem[]
  readonly text?: string
}

/** What became of modules, by their paths in a directory. */
async function outcomesOf(modules: Readonly<Record<string, string>>): Promise<(path: string) => Outcome> {
  await using place = await directory()
  const paths = Object.keys(modules)
  for (const path of paths) {
    const dir = join(place.dir, dirname(path))
    await mkdir(dir, { recursive: true })
    await writeFile(
      join(dir, 'package.json'),
      JSON.stringify({ type: path.startsWith('old/') ? 'commonjs' : 'module' }),
    )
    await place.write(path, modules[path] ?? '')
  }
  const absolute = paths.map((path) => join(place.dir, path))
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...absolute], { timeout: 50_000 })
  const outcomes: readonly Outcome[] = JSON.parse(stdout.replaceAll(`${place.dir}/`, ''))
  return (path) => outcomes[paths.indexOf(path)] ?? {}
}

function messagesOf({ problems = [] }: Outcome): readonly string[] {
  return problems.map(({ line, col, message }) => (line === null ? message : `${line}:${col} ${message}`))
}

const WHOLE = {
  'defined.ts': `import { defineRollout } from '${DEFINE}'
    const minutes = (n: number): \`\${number}m\` => \`\${n}m\`
    export default defineRollout({
      name: 'shop', strategy: 'canary', version: 'v2', stableVersion: undefined,
      run: { command: ['node', 'server.js'] },
      validationDuration: minutes(2),
      checks: [{ errorRate: { max: 0.01 } }],
    })`,
  'awaited.ts': `export default await Promise.resolve(${LEAST})`,
  'wrong.ts': `export default {
    name: 'shop', strategy: 'canary', version: 1.10, run: { command: 'node server.js' },
    checks: [{ errorRate: { max: 5 } }, { latency: { p99: 500 } }], onBusi: 'queue',
  }`,
  'failed.ts': `const a = 1\nconst b: string = (a as unknown as { x: { y: string } }).x.y\nexport default b`,
  'plain.js': `export default ${LEAST}`,
  'old/plain.mjs': `export default ${LEAST}`,
  'old/plain.js': `module.exports = ${LEAST}`,
  'old/plain.mts': `export default ${LEAST} as const`,
}

/** Modules that fail, and what is said of each. */
const FAILING: readonly (readonly [string, string, RegExp])[] = [
  [
    'an enum',
    'enum A { B }\nexport default {}',
    /^1:1 Node removes types but compiles nothing: write a config without enum, namespace and parameter properties \(/,
  ],
  [
    'a namespace',
    'namespace A { export const b = 1 }\nexport default {}',
    /Node removes types but compiles nothing/,
  ],
  ['a mistake in its syntax', 'export default {\n  name: ,\n}', /syntax error: /],
  [
    'an import of nothing',
    `import x from './is-not-there.ts'\nexport default x`,
    /the module failed: Cannot find module/,
  ],
  [
    'a package that is not there',
    `import x from 'not-a-package-of-anyone'\nexport default x`,
    /the module failed: Cannot find package/,
  ],
  [
    'an exception',
    'const fail = (): never => { throw new Error("no luck\\nat all") }\nexport default fail()',
    /^1:35 the module failed: no luck$/,
  ],
  ['a thrown text', 'throw "no luck"', /^the module failed: no luck$/],
  [
    'a secret in an exception',
    'throw new Error("token=hunter2 failed")',
    /^1:7 the module failed: token=\[redacted\] failed$/,
  ],
  [
    'no default export',
    'export const config = {}',
    /^the module exports nothing by default - write export default defineRollout\(\{ … \}\)$/,
  ],
]

/** Values that are no rollout, and what is said of each. */
const REFUSED: readonly (readonly [string, string, readonly string[]])[] = [
  ['a function', `() => (${LEAST})`, ['expected plain data, got a function']],
  ['a list', '[]', ['expected a rollout, a mapping with name and strategy, got a list']],
  ['nothing', 'undefined', ['expected a rollout, a mapping with name and strategy, got undefined']],
  [
    'a promise in it',
    `{ ...${LEAST}, stateDir: Promise.resolve('x') }`,
    ['stateDir: expected plain data, got a "Promise"'],
  ],
  ['a date', `{ ...${LEAST}, stateDir: new Date(0) }`, ['stateDir: expected plain data, got a "Date"']],
  ['a map', `{ ...${LEAST}, versions: new Map() }`, ['versions: expected plain data, got a "Map"']],
  ['a symbol', `{ ...${LEAST}, stateDir: Symbol('x') }`, ['stateDir: expected plain data, got a symbol']],
  ['a big integer', `{ ...${LEAST}, listen: 80n }`, ['listen: expected plain data, got a bigint']],
  [
    'a test that is a function',
    `{ ...${LEAST}, smoke: { tests: [{ name: 'a', run: () => {} }] } }`,
    [
      'smoke.tests[0].run: expected plain data, got a function',
      '"http" is missing in smoke.tests[0]: expected a request',
    ],
  ],
  ['a NUL', `{ ...${LEAST}, stateDir: 'a\\0b' }`, ['stateDir: a NUL character has no place in a rollout']],
  [
    'itself',
    `(() => { const x: any = ${LEAST}; x.versions = { v1: x }; return x })()`,
    ['versions.v1: an object can not hold itself'],
  ],
  [
    'a getter that throws',
    `{ ...${LEAST}, versions: { get v1() { throw new Error('token=hunter2') } } }`,
    ['versions: can not be read: token=[redacted]'],
  ],
  [
    'a key of prototypes',
    `{ ...${LEAST}, versions: JSON.parse('{ "__proto__": {} }'), smoke: { constructor: 1 } }`,
    ["versions.__proto__: can't be a key", "smoke.constructor: can't be a key"],
  ],
  [
    'no end',
    `(() => { let x: any = 'x'; for (let i = 0; i < 1e5; i++) x = [x]; return x })()`,
    ['nested more than 32 deep'],
  ],
  [
    'endless values',
    `{ ...${LEAST}, trafficSteps: Array.from({ length: 1e6 }, (_, i) => i) }`,
    ['more than 20000 values'],
  ],
  [
    'a secret',
    `{ ...${LEAST}, server: { listen: 1, token: 'hunter2' } }`,
    ['server.token: a token has no place in a file - write a reference: env:NAME or file:path'],
  ],
]

const fileOf = (name: string) => `${name.replaceAll(' ', '-')}.ts`

const outcome = await outcomesOf({
  ...WHOLE,
  ...Object.fromEntries(FAILING.map(([name, content]) => [fileOf(name), content])),
  ...Object.fromEntries(REFUSED.map(([name, value]) => [fileOf(name), `export default ${value}`])),
})

describe('a config in TypeScript', () => {
  test('is what it exports by default', () => {
    const { config } = outcome('defined.ts')
    expect(config).toMatchObject({
      strategy: 'canary',
      version: 'v2',
      options: { name: 'shop', validationDuration: '2m', checks: [{ kind: 'error-rate', max: 0.01 }] },
    })
    expect(config).not.toHaveProperty('stable')
  })

  test('may wait before it exports', () => {
    expect(outcome('awaited.ts')).toHaveProperty('config')
  })

  test('has its problems named by their paths, all at once', () => {
    const DURATION =
      "write a number with its unit, for example '250ms', '30s', '2m' or '1h30m' (at most 366 days)"
    expect(outcome('wrong.ts').text)
      .toBe(`wrong.ts error version: expected a name, got the number 1.1 - put it in quotes
wrong.ts error checks[0].errorRate.max: expected a ratio, got the number 5 - write a number from 0 to 1, for example 0.01 for one percent
wrong.ts error checks[1].latency.p99: expected a duration, got the number 500 - ${DURATION}
wrong.ts error unknown key "onBusi" - did you mean "onBusy"?
4 problems in wrong.ts`)
  })

  test('shows the line that failed', () => {
    const { problems } = outcome('failed.ts')
    expect(problems?.[0]).toMatchObject({ line: 2, col: 60 })
    expect(problems?.[0]?.frame).toMatch(/^ {2}1 \| const a = 1\n> 2 \| const b: string/)
  })

  test.each(FAILING)('with %s is answered with what and where', (name, _, message) => {
    const messages = messagesOf(outcome(fileOf(name)))
    expect(messages).toHaveLength(1)
    expect(messages[0]).toMatch(message)
    expect(JSON.stringify(outcome(fileOf(name)))).not.toContain('hunter2')
  })

  test.each(REFUSED)('that is or holds %s is refused', (name, _, messages) => {
    expect(messagesOf(outcome(fileOf(name)))).toEqual(messages)
  })

  test('that never exports is given up', async () => {
    const waiting = await outcomesOf({ 'waiting.ts': 'await new Promise(() => {})\nexport default {}' })
    expect(messagesOf(waiting('waiting.ts'))).toEqual(['the module failed: it was not done within 10 s'])
  })
})

describe('a config in JavaScript', () => {
  test.each(['plain.js', 'old/plain.mjs', 'old/plain.js', 'old/plain.mts'])('is loaded from %s', (path) => {
    expect(outcome(path).config?.options.name).toBe('shop')
  })
})
