// Holds what the sources really import against the table, with a parser instead of a linter: whatever way a module is
// named (statically, late, for its types only, by a detour), what counts is the file or package that it reaches.
import { glob, readFile } from 'node:fs/promises'
import { matchesGlob, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

import { type Expression, type ImportDeclaration, parseSync, Visitor } from 'oxc-parser'
import { describe, expect, test } from 'vitest'

import { type Layer, layers, OWNED_BY_A_LAYER, PURE } from './directions.ts'

interface Import {
  readonly file: string
  readonly from: string
  readonly kind: 'value' | 'types' | 'late'
}

const src = new URL('../../src/', import.meta.url)
const files: string[] = []
for await (const file of glob('**/*.ts', { cwd: fileURLToPath(src) })) files.push(file.replaceAll('\\', '/'))
const imports = (await Promise.all(files.map(importsOf))).flat()

describe('the sources', () => {
  test('have a layer for each file', () => {
    expect(files.filter((file) => layerOf(file) === undefined)).toEqual([])
  })

  test('import what the table allows, and nothing else', () => {
    expect(imports.filter((found) => !isAllowed(found)).map(show)).toEqual([])
  })

  test('import nothing late in the core', () => {
    const late = imports.filter(
      ({ file, kind }) => kind === 'late' && PURE.includes(layerOf(file)?.name ?? ''),
    )
    expect(late.map(show)).toEqual([])
  })

  test('describe what can be seen of an engine in types only: clients carry nothing of it', () => {
    const loaded = imports.filter(({ file, kind }) => file === 'engine/view.ts' && kind !== 'types')
    expect(loaded.map(show)).toEqual([])
  })

  test('load adapters and the server only when the defaults need them', () => {
    const heavy = imports.filter(
      ({ file, from, kind }) =>
        file === 'defaults.ts' && kind === 'value' && /^\.\/(adapters|server)\//.test(from),
    )
    expect(heavy.map(show)).toEqual([])
  })
})

describe('the parser', () => {
  test.each([
    [`import { a } from './a.ts'`, ['value ./a.ts']],
    [`import './a.ts'`, ['value ./a.ts']],
    [`import type { A } from './a.ts'`, ['types ./a.ts']],
    [`import { type A } from './a.ts'`, ['types ./a.ts']],
    [`import { type A, b } from './a.ts'`, ['value ./a.ts']],
    [`export { a } from './a.ts'`, ['value ./a.ts']],
    [`export type { A } from './a.ts'`, ['types ./a.ts']],
    [`export * from './a.ts'`, ['value ./a.ts']],
    [`await import('./a.ts')`, ['late ./a.ts']],
    ['await import(`./a.ts`)', ['late ./a.ts']],
    ['await import(name)', ['late (computed)']],
    [`type A = import('./a.ts').A`, ['types ./a.ts']],
    [`import a = require('./a.ts')`, ['value ./a.ts']],
  ])('finds what is imported by %s', (code, expected) => {
    expect(parse('x.ts', code).map(({ kind, from }) => `${kind} ${from}`)).toEqual(expected)
  })
})

async function importsOf(file: string): Promise<readonly Import[]> {
  return parse(file, await readFile(new URL(file, src), 'utf8'))
}

function parse(file: string, code: string): readonly Import[] {
  const found: Import[] = []
  const add = (source: Expression, kind: Import['kind']) => found.push({ file, from: textOf(source), kind })
  new Visitor({
    ImportDeclaration: (node) => add(node.source, isOfTypes(node) ? 'types' : 'value'),
    ExportAllDeclaration: (node) => add(node.source, node.exportKind === 'type' ? 'types' : 'value'),
    ExportNamedDeclaration: ({ source, exportKind }) =>
      source && add(source, exportKind === 'type' ? 'types' : 'value'),
    ImportExpression: (node) => add(node.source, 'late'),
    TSImportType: (node) => add(node.source, 'types'),
    TSExternalModuleReference: (node) => add(node.expression, 'value'),
  }).visit(parseSync(file, code).program)
  return found
}

function isOfTypes({ importKind, specifiers }: ImportDeclaration): boolean {
  if (importKind === 'type') return true
  const ofTypes = specifiers.filter((one) => one.type === 'ImportSpecifier' && one.importKind === 'type')
  return specifiers.length > 0 && ofTypes.length === specifiers.length
}

function textOf(source: Expression): string {
  if (source.type === 'Literal' && typeof source.value === 'string') return source.value
  if (source.type === 'TemplateLiteral' && source.expressions.length === 0)
    return source.quasis[0]?.value.cooked ?? ''
  return '(computed)'
}

function isAllowed({ file, from, kind }: Import): boolean {
  const layer = layerOf(file)
  if (layer === undefined) return false
  if (from === '(computed)') return layer.name === 'config'
  if (!from.startsWith('.')) return allowsPackage(layer, from, kind)
  const target = posix.join(posix.dirname(file), from)
  return staysHome(file, target) || layer.layers.includes(layerOf(target)?.name ?? '')
}

/** Whether it stays in its own layer; adapters that share one are still strangers to each other. */
function staysHome(file: string, target: string): boolean {
  const layer = layerOf(file)
  if (layer !== layerOf(target)) return false
  return layer?.name !== 'adapters' || file.split('/')[1] === target.split('/')[1]
}

function allowsPackage(layer: Layer, from: string, kind: Import['kind']): boolean {
  const name = from.startsWith('node:') ? from : from.split('/', from.startsWith('@') ? 2 : 1).join('/')
  if (layer.packages.includes(name)) return true
  if (kind === 'types' && layer.types.includes(name)) return true
  return layer.packages.includes('node:*') && name.startsWith('node:') && !OWNED_BY_A_LAYER.includes(name)
}

function layerOf(file: string): Layer | undefined {
  return layers.find((layer) => matchesGlob(file, layer.files))
}

function show({ file, from, kind }: Import): string {
  return `${file}: ${kind} ${from}`
}
