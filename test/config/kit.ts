import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { ConfigError, loadConfig, type Problem, type RolloutConfig } from '../../src/config/index.ts'
import type { LoadOptions } from '../../src/config/index.ts'

/** A directory that is gone when the test ends. */
export async function directory() {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-config-'))
  return {
    dir,
    async write(name: string, content: string | Uint8Array): Promise<string> {
      const path = join(dir, name)
      await writeFile(path, content)
      return path
    },
    [Symbol.asyncDispose]: async () => rm(dir, { recursive: true }),
  }
}

/** What a file of this content is, loaded. */
export async function loaded(
  content: string,
  options: LoadOptions & { readonly name?: string } = {},
): Promise<RolloutConfig> {
  await using place = await directory()
  return await loadConfig(await place.write(options.name ?? 'rollout.yaml', content), options)
}

/** What is wrong with a file of this content; nothing for one that loads. */
export async function problemsOf(
  content: string | Uint8Array,
  { name = 'rollout.yaml', ...options }: LoadOptions & { readonly name?: string } = {},
): Promise<readonly Problem[]> {
  await using place = await directory()
  const path = await place.write(name, content)
  try {
    await loadConfig(path, options)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

/** Its messages with their places: `3:10 version: …`; the message alone where there is no place. */
export async function messagesOf(
  content: string | Uint8Array,
  options: LoadOptions & { readonly name?: string } = {},
): Promise<readonly string[]> {
  return (await problemsOf(content, options)).map(({ line, col, message }) =>
    line === null ? message : `${line}:${col} ${message}`,
  )
}

/** The least that is a rollout. */
export const LEAST = `name: shop
strategy: canary
version: v2
run: { command: node server.js }
`

/** The same as blue-green. */
export const SWAP = LEAST.replace('canary', 'blue-green')
