// What is loaded for what: whoever only asks for help waits for nothing else.
import { describe, expect, test } from 'vitest'

import { workplace } from './command-kit.ts'

/** Prints every file that Node loads, as a line of standard error. */
const HOOK = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  import { writeSync } from 'node:fs'
  registerHooks({ load(url, context, next) { writeSync(2, 'loaded ' + url + '\\n'); return next(url, context) } })`)}`

/** The packages that a command loads, and the files of ours. */
async function loadedBy(args: readonly string[]) {
  const { stderr, code } = await (await workplace()).sluice(args, { node: ['--import', HOOK] })
  const urls = [...stderr.matchAll(/^loaded (.*)$/gm)].map(([, url = '']) => url)
  const packages = urls.flatMap((url) => /node_modules\/(@[^/]+\/[^/]+|[^/]+)/.exec(url)?.[1] ?? [])
  const files = urls.flatMap((url) => /\/src\/(.*)$/.exec(url)?.[1] ?? [])
  return { code, packages: [...new Set(packages)].toSorted(), files }
}

describe('nothing heavy is loaded', () => {
  test('for help', async () => {
    const { code, packages, files } = await loadedBy(['--help'])
    expect({ code, packages }).toEqual({ code: 0, packages: ['commander'] })
    expect(files.filter((file) => !file.startsWith('cli/'))).toEqual(['errors.ts', 'engine/scrub.ts'])
  })

  test('for a diagram', async () => {
    const { code, packages } = await loadedBy(['graph', 'canary'])
    expect({ code, packages }).toEqual({ code: 0, packages: ['commander', 'fastest-levenshtein', 'xstate'] })
  })

  test('for what has happened so far', async () => {
    const { code, packages } = await loadedBy(['events'])
    expect({ code, packages }).toEqual({ code: 0, packages: ['commander', 'xstate'] })
  })

  test('but what is loaded would be seen', async () => {
    const { packages } = await loadedBy(['validate', 'rollout.yaml'])
    expect(packages).toEqual(expect.arrayContaining(['yaml', 'zod']))
  })
})
