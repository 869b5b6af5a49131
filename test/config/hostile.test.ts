// Files that nobody writes by mistake, and those that programs write wrongly: each is refused with a sentence.
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { ConfigError, loadConfig } from '../../src/config/index.ts'
import { directory, LEAST, loaded, messagesOf, problemsOf } from './kit.ts'

describe('a text of YAML', () => {
  test.each([
    [
      'a tag that makes functions',
      `${LEAST}stateDir: !!js/function "function () {}"\n`,
      ['5:25 stateDir: tags such as "!!js/function" are not read - write plain values'],
    ],
    [
      'a tag of YAML itself',
      `${LEAST}stableVersion: !!str 1.10\n`,
      ['5:22 stableVersion: tags such as "!!str" are not read - write plain values'],
    ],
    [
      'a tag of its own',
      `${LEAST}!x stateDir: y\n`,
      ['5:4 tags such as "!x" are not read - write plain values'],
    ],
    ['a key twice', `${LEAST}version: v3\n`, ['5:1 version: said twice - keep one of the two']],
    [
      'a key twice in a flow',
      `${LEAST}server: { listen: 1, listen: 2 }\n`,
      ['5:22 server.listen: said twice - keep one of the two'],
    ],
    [
      'a merge',
      `${LEAST}<<: { stateDir: x }\n`,
      ['5:1 merge keys (<<) are not read - write what is meant, or use an alias for a whole value'],
    ],
    ['a key that is a list', `${LEAST}? [a]\n: b\n`, ['5:3 expected a name before the colon']],
    [
      'a second document',
      `${LEAST}---\n${LEAST}`,
      ['5:1 a second document begins here - a rollout file holds one'],
    ],
    [
      'a directive',
      `%YAML 1.1\n---\n${LEAST}`,
      ['1:1 directives (%) are not read - begin with the first key'],
    ],
    ['a tab as indent', `${LEAST}server:\n\tlisten: 80\n`, ['6:1 a tab can not indent in YAML - use spaces']],
    ['two colons', `${LEAST}stateDir: a: b\n`, ['5:11 a second colon on the line - put the value in quotes']],
    ['an open quote', `${LEAST}stateDir: "a\n`, ['6:1 not YAML: missing closing "quote']],
    ['a NUL', `${LEAST}stateDir: a\0b\n`, ['5:12 a NUL character has no place in a rollout']],
    [
      'an escaped NUL',
      `${LEAST}stateDir: "a\\0b"\n`,
      ['5:11 stateDir: a NUL character has no place in a rollout'],
    ],
    [
      'an escaped NUL in a key',
      `${LEAST}versions: { "a\\0": { command: x } }\n`,
      ['5:13 versions["a�"]: a NUL character has no place in a rollout'],
    ],
    [
      'an alias of nothing',
      `${LEAST}stateDir: *x\n`,
      ['5:11 stateDir: the alias "*x" names nothing that stands before it'],
    ],
    [
      'an alias inside what it names',
      `${LEAST}checks: &x [*x]\n`,
      ['5:13 checks[0]: the alias "*x" stands inside what it names'],
    ],
    ['a list', '- a\n', ['1:1 expected a rollout, a mapping with name and strategy, got a list']],
    ['a word', 'shop\n', ['1:1 expected a rollout, a mapping with name and strategy, got "shop"']],
    [
      'only a comment',
      '# nothing\n',
      ['1:1 expected a rollout, a mapping with name and strategy, got nothing'],
    ],
  ])('with %s is refused', async (_, content, messages) => {
    expect(await messagesOf(content)).toEqual(messages)
  })

  test.each(['__proto__', 'constructor', 'prototype'])('may not name %s, at any depth', async (key) => {
    const deep = `${LEAST}${key}: { x: 1 }\nversions: { v1: { command: a, env: { "${key}": b } } }\n`
    expect(await messagesOf(deep)).toEqual([
      `5:1 ${key}: can't be a key`,
      `6:38 versions.v1.env.${key}: can't be a key`,
    ])
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false)
  })

  test('may use aliases for whole values', async () => {
    const { stable } = await loaded(
      `${LEAST}stableVersion: v1\nversions: { v1: &how { command: a, env: { A: b } }, v0: *how }\n`,
    )
    expect(stable).toMatchObject({ version: 'v1', run: { command: 'a', env: { A: 'b' } } })
  })

  test('whose aliases multiply is given up', async () => {
    const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}]`)
    const [first] = await messagesOf(`l0: &l0 [a, a, a, a, a, a, a, a, a]\n${levels.join('\n')}\n`)
    expect(first).toBe('3:10 more than 100 aliases')
  })

  test.each([
    ['lists', '['.repeat(20_000)],
    ['closed lists', `x: ${'['.repeat(200)}${']'.repeat(200)}`],
    ['mappings', '{ a: '.repeat(20_000)],
    ['dashes', '- '.repeat(20_000)],
    ['questions', '? '.repeat(20_000)],
  ])('of %s in one another is given up', async (_, content) => {
    expect((await messagesOf(content)).join()).toMatch(/nested more than 32 deep/)
  })

  test.each([
    ['keys', Array.from({ length: 30_000 }, (_, i) => `k${i}: `).join('\n')],
    ['values', `x: [${'1,'.repeat(100_000)}]`],
  ])('of too many %s is given up, in time', async (_, content) => {
    expect((await messagesOf(content)).join()).toMatch(/more than 20000 values/)
  })

  test('with endless mistakes names the first fifty and counts the rest', async () => {
    const problems = await problemsOf(
      `${LEAST}${Array.from({ length: 200 }, (_, i) => `unknown${i}xyz: 1`).join('\n')}\n`,
    )
    expect(problems).toHaveLength(51)
    expect(problems.at(-1)).toMatchObject({ line: null, message: '150 more problems are not shown' })
  })

  test('may have a byte order mark, carriage returns and no line at the end', async () => {
    const plain = await loaded(LEAST)
    const odd = await loaded(`\u{FEFF}${LEAST.trimEnd().replaceAll('\n', '\r\n')}`)
    expect(odd.options.name).toEqual(plain.options.name)
  })

  test('has its first line counted without the byte order mark', async () => {
    expect(await problemsOf(`\u{FEFF}${LEAST.replace('shop', 'a/b')}`)).toMatchObject([{ line: 1, col: 7 }])
  })

  test('has its places counted the same with carriage returns', async () => {
    const [problem] = await problemsOf(`\u{FEFF}${LEAST}onBusy: x\n`.replaceAll('\n', '\r\n'))
    expect(problem).toMatchObject({ line: 5, col: 9 })
    expect(problem?.frame).toBe('  4 | run: { command: node server.js }\n> 5 | onBusy: x\n    |         ^')
  })
})

describe('a text of JSON', () => {
  const json = { name: 'shop', strategy: 'canary', version: 'v2', run: { command: 'node server.js' } }

  test('loads, also with tabs', async () => {
    expect(await messagesOf(JSON.stringify(json, null, '\t'), { name: 'rollout.json' })).toEqual([])
  })

  test('may have a byte order mark', async () => {
    expect(await messagesOf(`\u{FEFF}${JSON.stringify(json)}`, { name: 'rollout.json' })).toEqual([])
  })

  test('has places, too', async () => {
    const wrong = JSON.stringify({ ...json, onBusy: 'x', listen: 70_000 }, null, 2)
    expect(await messagesOf(wrong, { name: 'rollout.json' })).toEqual([
      '8:13 onBusy: expected refuse, supersede or queue, got "x"',
      "9:13 listen: expected a port, got the number 70000 - write a port such as 8080, or an address such as '127.0.0.1:8080'",
    ])
  })

  test.each([
    ['a comment', '{ # x\n"name": "shop" }', /^1:3 not JSON: /],
    ['a comma too many', '{ "name": "shop", }', /^1:19 not JSON: /],
    ['no quotes', '{ "name": shop }', /^1:11 name: not JSON: text stands in double quotes$/m],
    ['no quotes around a key', '{ name: "shop" }', /^1:3 not JSON: text stands in double quotes$/m],
    ['YAML', LEAST, /^2:11 strategy: not JSON: text stands in double quotes$/m],
    ['a key twice', '{ "name": "a", "name": "b" }', / name: said twice/],
    ['half of it', '{ "name": "shop"', /^1:17 not YAML: /],
  ])('with %s is refused', async (_, content, message) => {
    const messages = await messagesOf(content, { name: 'rollout.json' })
    expect(messages.join('\n')).toMatch(message)
  })
})

describe('a file', () => {
  test.each([
    ['in UTF-16', new Uint8Array([0xff, 0xfe, 0x6e, 0]), 'the file is written in UTF-16 - save it as UTF-8'],
    ['in Latin 1', Buffer.from('name: caf\u00e9\n', 'latin1'), 'the file is not UTF-8 text'],
    [
      'of more than 256 kB',
      `${LEAST}${'# x\n'.repeat(70_000)}`,
      'the file is larger than 256 kB, too large for a rollout',
    ],
    ['with nothing in it', '', 'the file is empty - it has to say at least name, strategy, version and run'],
    [
      'with only white space',
      ' \n\n',
      'the file is empty - it has to say at least name, strategy, version and run',
    ],
  ])('%s is refused', async (_, content, message) => {
    expect(await messagesOf(content)).toEqual([message])
  })

  test('that is not there, is a directory, or can not be reached is refused with its name', async () => {
    await using place = await directory()
    await mkdir(join(place.dir, 'dir.yaml'))
    await symlink('loop.yaml', join(place.dir, 'loop.yaml'))
    await place.write('plain', '')
    const said = async (name: string) => {
      const error = await loadConfig(join(place.dir, name)).catch((caught: unknown) => caught)
      return error instanceof ConfigError ? error.message.replace(`${place.dir}/`, '').split('\n')[0] : error
    }
    expect(await said('none.yaml')).toBe('none.yaml error there is no such file')
    expect(await said('plain/rollout.yaml')).toBe('plain/rollout.yaml error there is no such file')
    expect(await said('dir.yaml')).toBe('dir.yaml error this is a directory - name the file in it')
    expect(await said('loop.yaml')).toMatch(/^loop\.yaml error the file can not be read: ELOOP/)
    expect(await said('a\0.yaml')).toMatch(/^a�\.yaml error the file can not be read: /)
    expect(await said('rollout.toml')).toMatch(
      /^rollout\.toml error no rollout is read from such a file - call it rollout\.yaml/,
    )
  })

  test('that is a pipe without a writer is not waited for', async () => {
    await using place = await directory()
    const { execFileSync } = await import('node:child_process')
    execFileSync('mkfifo', [join(place.dir, 'pipe.yaml')])
    await expect(loadConfig(join(place.dir, 'pipe.yaml'))).rejects.toThrow('this is no file')
  })
})
