import { execFile } from 'node:child_process'
import { glob } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { describe, expect, test } from 'vitest'

import * as testing from '../../src/testing/index.ts'

const root = new URL('../../', import.meta.url)
const FOR_TESTS = /\/node_modules\/(?:@vitest\/|vitest\/|fast-check\/|@fast-check\/)|\/src\/testing\//

interface Loaded {
  readonly loaded: readonly string[]
  /** Why a module could not be imported. */
  readonly failed: readonly string[]
}

/** The modules that modules of `src` load, also those that their imports load. */
async function loadedBy(paths: readonly string[]): Promise<Loaded> {
  const main = fileURLToPath(new URL('loaded-main.ts', import.meta.url))
  const urls = paths.map((path) => new URL(path, root).href)
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...urls])
  return JSON.parse(stdout)
}

async function files(pattern: string): Promise<readonly string[]> {
  const found: string[] = []
  for await (const file of glob(pattern, { cwd: fileURLToPath(root) })) found.push(file)
  return found.toSorted()
}

const parts = [
  'src/index.ts',
  'src/machines/index.ts',
  'src/client/index.ts',
  ...(await files('src/adapters/*/index.ts')),
]

describe('what only tests use', () => {
  test('is loaded by none of the other parts', async () => {
    const { loaded, failed } = await loadedBy(parts)
    expect(failed).toEqual([])
    expect(loaded).toEqual(expect.arrayContaining(parts.map((part) => new URL(part, root).href)))
    expect(loaded.filter((url) => FOR_TESTS.test(url))).toEqual([])
  })

  test('is loaded by sluice/testing, which needs vitest and no more', async () => {
    // Outside of its own processes vitest refuses to run; by then it has been loaded.
    const { loaded } = await loadedBy(['src/testing/index.ts'])
    const packages = loaded.map((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1])
    expect(packages).toContain('vitest')
    expect(packages.filter((name) => name === 'fast-check' || name === '@fast-check/vitest')).toEqual([])
  })
})

test('every contract suite is exported', async () => {
  const suites = await files('src/testing/*-contract.ts')
  const modules: Record<string, unknown>[] = await Promise.all(
    suites.map(async (file) => import(new URL(file, root).href)),
  )
  const names = modules.flatMap((module) => Object.keys(module)).filter((name) => name.endsWith('Contract'))
  expect(names.length).toBeGreaterThanOrEqual(7)
  expect(Object.keys(testing)).toEqual(expect.arrayContaining(names))
})
