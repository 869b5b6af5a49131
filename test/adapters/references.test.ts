import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'

import { isReference, resolveReferences } from '../../src/adapters/references/index.ts'

const dir = await mkdtemp(join(tmpdir(), 'references-'))
afterAll(async () => rm(dir, { recursive: true, force: true }))
afterEach(() => {
  vi.unstubAllEnvs()
})

async function fileOf(content: string | Uint8Array): Promise<string> {
  const path = join(dir, `file-${Math.random()}`)
  await writeFile(path, content)
  return path
}

describe('a reference', () => {
  test('to a variable becomes its value, also an empty one', async () => {
    vi.stubEnv('SLUICE_TEST_TOKEN', 's3cret')
    vi.stubEnv('SLUICE_TEST_EMPTY', '')
    const found = await resolveReferences({ a: 'env:SLUICE_TEST_TOKEN', b: 'env:SLUICE_TEST_EMPTY' })
    expect(found).toEqual({ a: 's3cret', b: '' })
  })

  test('is resolved anew each time', async () => {
    vi.stubEnv('SLUICE_TEST_TOKEN', 'old')
    await resolveReferences({ a: 'env:SLUICE_TEST_TOKEN' })
    vi.stubEnv('SLUICE_TEST_TOKEN', 'new')
    expect(await resolveReferences({ a: 'env:SLUICE_TEST_TOKEN' })).toEqual({ a: 'new' })
  })

  test.each([
    { what: 'a line', content: 's3cret\n', text: 's3cret' },
    { what: 'a line of Windows', content: 's3cret\r\n', text: 's3cret' },
    { what: 'an empty line at its end', content: 's3cret\n\n', text: 's3cret\n' },
    { what: 'spaces', content: ' s3cret ', text: ' s3cret ' },
    { what: 'nothing', content: '', text: '' },
    { what: 'umlauts', content: 'grüße', text: 'grüße' },
    { what: 'as much as there may be', content: 'x'.repeat(65_536), text: 'x'.repeat(65_536) },
  ])('to a file with $what is its text without the last line break', async ({ content, text }) => {
    const path = await fileOf(content)
    expect(await resolveReferences({ a: `file:${path}` })).toEqual({ a: text })
  })

  test('to a relative path starts at the working directory', async () => {
    const path = await fileOf('near')
    expect(await resolveReferences({ a: `file:${relative(process.cwd(), path)}` })).toEqual({ a: 'near' })
  })

  test('is only what begins like one', async () => {
    const plain = { a: 'Bearer env:HOME', b: 'ENV:HOME', c: '', d: 'environment', ['__proto__']: 'x' }
    expect(await resolveReferences(plain)).toEqual(plain)
    expect(Object.values(plain).filter(isReference)).toEqual([])
    expect(['env:A', 'file:a', 'file:'].filter(isReference)).toHaveLength(3)
  })
})

describe('a reference that leads nowhere is UNBOUND_NAME, and says which', () => {
  test.each(['env:SLUICE_TEST_NOBODY', 'env:', 'env:A B', 'env:A=B', 'env:__proto__', 'env:\n'])(
    '%j',
    async (reference) => {
      await expect(resolveReferences({ TOKEN: reference })).rejects.toMatchObject({
        name: 'UsageError',
        code: 'UNBOUND_NAME',
        message: expect.stringContaining(`TOKEN: ${reference}`),
      })
    },
  )

  test.each([
    { what: 'no file', path: join(dir, 'nothing'), why: 'ENOENT' },
    { what: 'no path', path: '', why: 'ENOENT' },
    { what: 'a directory', path: dir, why: 'it is no file' },
    { what: 'a device without an end', path: '/dev/zero', why: 'it is no file' },
    { what: 'a path with a NUL', path: 'a\0b', why: 'ERR_INVALID_ARG_VALUE' },
    { what: 'a path that is absurdly long', path: 'x/'.repeat(20_000), why: 'ENAMETOOLONG' },
  ])('$what', async ({ path, why }) => {
    const refused = resolveReferences({ TOKEN: `file:${path}` })
    await expect(refused).rejects.toMatchObject({
      code: 'UNBOUND_NAME',
      message: expect.stringContaining(why),
    })
    await expect(refused).rejects.toSatisfy((error: Error) => error.message.length < 400)
  })

  test('a pipe that nobody writes to, without waiting for it', async () => {
    const path = join(dir, 'pipe')
    execFileSync('sh', ['-c', 'mkfifo "$0"', path])
    await expect(resolveReferences({ TOKEN: `file:${path}` })).rejects.toMatchObject({ code: 'UNBOUND_NAME' })
  })

  test.each([
    ['a file that is larger than any secret', 's3cret'.repeat(11_000)],
    ['bytes that are no text', new Uint8Array([0x73, 0x33, 0xff, 0xfe])],
    ['text with a NUL', 's3cret\0s3cret'],
  ])('%s, without showing it', async (_, content) => {
    const path = await fileOf(content)
    const refused = resolveReferences({ TOKEN: `file:${path}` })
    await expect(refused).rejects.toMatchObject({ code: 'UNBOUND_NAME' })
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('s3') })
  })
})
