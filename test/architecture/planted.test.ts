// Plants every forbidden import and every forbidden global into a tree of its own, lints it once with the project's
// configuration, and sees each reported; and sees none of the allowed ones reported, so that lint and the table agree.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as xstate from 'xstate'

import packageJson from '../../package.json' with { type: 'json' }
import {
  type Layer,
  layers,
  MACHINE_WORDS,
  NOT_IN_ENGINE,
  OWNED_BY_A_LAYER,
  PURE,
  PURE_GLOBALS,
} from './directions.ts'

/** A line of planted code: lint has to be silent about it, or has to report it. */
interface Line {
  readonly code: string
  readonly allowed: boolean
}

type Write = (from: string, name: string) => string

const VALUES: readonly Write[] = [
  (from, name) => `import { value as ${name} } from '${from}'`,
  (from, name) => `import * as ${name} from '${from}'`,
  (from) => `import '${from}'`,
  (from, name) => `export { value as ${name} } from '${from}'`,
  (from) => `export * from '${from}'`,
  (from, name) => `const ${name} = await import('${from}')`,
]
const TYPES: readonly Write[] = [
  (from, name) => `import type { Type as ${name} } from '${from}'`,
  (from, name) => `export type { Type as ${name} } from '${from}'`,
]

const CODES: ReadonlySet<string> = new Set([
  'eslint(no-restricted-imports)',
  'eslint(no-restricted-globals)',
  'eslint(no-restricted-properties)',
  'eslint(no-undef)',
  'import(no-dynamic-require)',
  'typescript(consistent-type-imports)',
])

const NODE_MODULES = builtinModules.filter((name) => !name.startsWith('_') && !name.startsWith('node:'))
const PACKAGES = [
  ...new Set([
    ...Object.keys(packageJson.dependencies),
    ...Object.keys(packageJson.devDependencies),
    ...layers.flatMap(({ packages }) => packages.filter((name) => name !== 'node:*')),
    ...NODE_MODULES.flatMap((name) => [name, `node:${name}`]),
    'node:sqlite',
    'rxjs/operators',
    'sluice',
    '#internal',
    '/etc/hosts.js',
    'https://example.com/x.js',
  ]),
]

/** Ways to the same globals other than their bare name. */
const THROUGH_A_DOOR = [
  'globalThis.Date',
  `globalThis['Date']`,
  'global.setTimeout',
  'window.fetch',
  'typeof process',
  'Date.now()',
  'new Date()',
  'new Intl.DateTimeFormat()',
  'Math.random()',
  `Math['random']()`,
  `require('fs')`,
  `eval('1')`,
]

const tree = await mkdtemp(join(tmpdir(), 'planted-'))
const planted = new Map<string, readonly Line[]>()
const reported = new Map<string, Set<number>>()

for (const layer of layers) planted.set(layer.sample, [...edges(layer), ...imports(layer), ...globals(layer)])
planted.set('machines/words.ts', words(MACHINE_WORDS))
planted.set('machines/step.ts', words(['createActor']))
planted.set('analysis/detours.ts', detours('engine'))
planted.set('cli/detours.ts', detours('testing'))
planted.set('testing/detours.ts', detours('server'))
planted.set('analysis/late.ts', [forbidden(`const from = 'fs'; await import(from)`)])
planted.set('newcomer/file.ts', [forbidden(`import { UsageError } from '../errors.ts'`)])

beforeAll(async () => {
  await Promise.all([...planted].map(async ([file, lines]) => plant(file, lines)))
  await writeFile(join(tree, '.oxlintrc.json'), await configWithoutTypes())
  await lint()
})

afterAll(async () => rm(tree, { recursive: true, force: true }))

describe('lint', () => {
  test.each([...planted.keys()])('reports all that src/%s may not do', (file) => {
    expect(codes(file, false).filter((line) => !isReported(file, line))).toEqual([])
  })

  test.each([...planted.keys()])('is silent about what src/%s may do', (file) => {
    expect(codes(file, true).filter((line) => isReported(file, line))).toEqual([])
  })

  test('was given something to find in every layer', () => {
    const idle = [...planted.keys()].filter((file) => codes(file, false).length === 0)
    expect(idle).toEqual([])
  })
})

/** One line of each form for each other layer. */
function edges(layer: Layer): readonly Line[] {
  return layers
    .filter((other) => other !== layer)
    .flatMap((other) => {
      const path = posix.relative(posix.dirname(layer.sample), other.sample)
      const allowed = layer.layers.includes(other.name)
      return forms(path.startsWith('.') ? path : `./${path}`, { values: allowed, types: allowed })
    })
}

/** One line of each form for each package the project knows and each module of Node, with and without `node:`. */
function imports(layer: Layer): readonly Line[] {
  const everyNode = layer.packages.includes('node:*')
  return PACKAGES.filter((name) => !(layer.name === 'machines' && name === 'xstate')).flatMap((name) => {
    const values =
      layer.packages.includes(name) ||
      (everyNode && name.startsWith('node:') && !OWNED_BY_A_LAYER.includes(name))
    return forms(name, { values, types: values || layer.types.includes(name) })
  })
}

function forms(
  from: string,
  allowed: { readonly values: boolean; readonly types: boolean },
): readonly Line[] {
  const id = `x${from.replaceAll(/\W/g, '_')}`
  return [
    ...VALUES.map((write, i) => ({ code: write(from, `${id}_v${i}`), allowed: allowed.values })),
    ...TYPES.map((write, i) => ({ code: write(from, `${id}_t${i}`), allowed: allowed.types })),
  ]
}

/** Every global of this Node and the common ones of other places, plainly and through the global object. */
function globals(layer: Layer): readonly Line[] {
  if (layer.name === 'engine') return NOT_IN_ENGINE.map((name) => forbidden(`void ${name}`))
  if (!PURE.includes(layer.name)) return []
  const ofNode = Object.getOwnPropertyNames(globalThis).filter((name) => /^[a-zA-Z]+$/.test(name))
  const elsewhere = [
    'window',
    'self',
    'Deno',
    'Bun',
    'Temporal',
    'require',
    'module',
    '__dirname',
    '__filename',
  ]
  const forbiddenNames = new Set([...ofNode, ...elsewhere].filter((name) => !PURE_GLOBALS.includes(name)))
  return [
    ...PURE_GLOBALS.map((name) => ({ code: `void ${name}`, allowed: true })),
    ...[...forbiddenNames, ...THROUGH_A_DOOR].map((name) => forbidden(`void ${name}`)),
  ]
}

function words(allowed: readonly string[]): readonly Line[] {
  const values = Object.keys(xstate).filter((name) => name !== '__unsafe_getAllOwnEventDescriptors')
  return [
    ...values.map((name) => ({ code: `import { ${name} } from 'xstate'`, allowed: allowed.includes(name) })),
    { code: `import type { SnapshotFrom } from 'xstate'`, allowed: true },
    forbidden(`import * as everything from 'xstate'`),
    forbidden(`import 'xstate'`),
    forbidden(`export * from 'xstate'`),
    forbidden(`export { sendTo as tell } from 'xstate'`),
  ]
}

/** Ways to say a forbidden import that a list of allowed beginnings would let through. */
function detours(to: string): readonly Line[] {
  return [
    forbidden(`import { a1 } from './../${to}/x.ts'`),
    forbidden(`import { a2 } from './sub/../../${to}/x.ts'`),
    forbidden(`import { a3 } from '../client/../${to}/x.ts'`),
    forbidden(`import { a4 } from '././../${to}/x.ts'`),
    forbidden(`import { a5 } from './/../${to}/x.ts'`),
    forbidden(`type A6 = import('../${to}/x.ts').A6`),
    forbidden(`import a7 = require('../${to}/x.ts')`),
  ]
}

function forbidden(code: string): Line {
  return { code, allowed: false }
}

async function plant(file: string, lines: readonly Line[]): Promise<void> {
  const path = join(tree, 'src', file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, lines.map(({ code }) => code).join('\n'))
}

/** The rules that need types say nothing about directions, and would need the project's dependencies here. */
async function configWithoutTypes(): Promise<string> {
  const path = fileURLToPath(new URL('../../.oxlintrc.json', import.meta.url))
  const config: Record<string, unknown> = JSON.parse(await readFile(path, 'utf8'))
  return JSON.stringify({ ...config, options: {} })
}

interface Report {
  readonly diagnostics: readonly {
    readonly code: string
    readonly filename: string
    readonly labels: readonly { readonly span: { readonly line: number } }[]
  }[]
}

async function lint(): Promise<void> {
  const oxlint = fileURLToPath(new URL('../../node_modules/oxlint/bin/oxlint', import.meta.url))
  const { diagnostics } = await new Promise<Report>((resolve, reject) => {
    const args = [oxlint, '--format=json', '--no-ignore', 'src']
    execFile(process.execPath, args, { cwd: tree, maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as Report)
      } catch {
        reject(new Error(`oxlint said: ${stderr}${stdout.slice(0, 1000)}`, { cause: error }))
      }
    })
  })
  for (const { filename, labels } of diagnostics.filter(({ code }) => CODES.has(code))) {
    const file = posix.relative('src', filename)
    const lines = reported.get(file) ?? new Set()
    reported.set(file, lines)
    for (const { span } of labels) lines.add(span.line)
  }
}

function codes(file: string, allowed: boolean): readonly string[] {
  return (planted.get(file) ?? []).filter((line) => line.allowed === allowed).map(({ code }) => code)
}

function isReported(file: string, code: string): boolean {
  const line = (planted.get(file) ?? []).findIndex((candidate) => candidate.code === code) + 1
  return reported.get(file)?.has(line) ?? false
}
