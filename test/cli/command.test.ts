// The command as people call it: what it says, where it says it, and what it ends with.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import packageJson from '../../package.json' with { type: 'json' }
import { embeddedProxy } from '../../src/adapters/embedded-proxy/index.ts'
import { createEngine } from '../../src/defaults.ts'
import { workplace } from './command-kit.ts'

const CONFIG = ['name: shop', 'strategy: canary', 'version: v2', 'run:', '  command: node shop.mjs']

describe('help', () => {
  test('lists every command and ends with 0', async () => {
    const { code, stdout, stderr } = await (await workplace()).sluice(['--help'])
    const names = 'run validate status list events promote pause resume abort rollback graph down demo'.split(
      ' ',
    )
    for (const name of names) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test('of a command names its options, and those of every command', async () => {
    const { code, stdout } = await (await workplace()).sluice(['run', '--help'])
    for (const option of [
      '--version',
      '--service',
      '--timeout',
      '--state-dir',
      '--json',
      '--quiet',
      '--no-color',
    ]) {
      expect(stdout).toContain(option)
    }
    expect(code).toBe(0)
  })

  test('is what no command at all is answered with, on standard error, with 2', async () => {
    const { code, stdout, stderr } = await (await workplace()).sluice([])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('Usage: sluice')
  })

  test('has the version of the package', async () => {
    expect(await (await workplace()).sluice(['--version'])).toEqual({
      code: 0,
      stdout: `${packageJson.version}\n`,
      stderr: '',
    })
  })
})

describe('what is misspelt', () => {
  test.each([
    [['stauts'], /unknown command 'stauts'\n\(Did you mean status\?\)/],
    [['run', '--versoin', 'v2', 'rollout.yaml'], /unknown option '--versoin'\n\(Did you mean --version\?\)/],
    [['events', '--folow'], /unknown option '--folow'\n\(Did you mean --follow\?\)/],
    [['graph', 'canry'], /no strategy is called canry\nhint: did you mean canary\?/],
    [['graph', 'canary', '--format', 'svg'], /Allowed choices are mermaid, dot, json/],
    [['graph', 'canary', 'extra'], /too many arguments/],
    [['run'], /missing required argument 'config'/],
    [['run', 'rollout.yaml', '--timeout', '5'], /--timeout: expected a duration, got '5'/],
    [['run', 'rollout.yaml', '--timeout', '0s'], /--timeout: expected more than zero/],
    [['run', 'rollout.yaml', '--version', 'v2/../..'], /version: expected a name/],
    [['run', 'rollout.yaml', '--service', 'a b'], /--service: expected a name/],
    [['events', '--since', 'yesterday'], /--since: expected the cursor of an event/],
    [['status', '--state-dir', ''], /--state-dir: expected the path of a directory/],
    [['status', 'shop'], /no service and no rollout is called shop/],
  ])('%j is answered with what was wrong, and 2', async (args, words) => {
    const place = await workplace()
    await place.config(CONFIG)
    const { code, stdout, stderr } = await place.sluice(args)
    expect(stderr).toMatch(words)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(await readdir(place.dir)).toEqual(['rollout.yaml', 'shop.mjs'])
  })

  test('is answered with one document, too, for programs', async () => {
    const place = await workplace()
    const documents = await Promise.all(
      [
        ['events', '--since', 'x', '--json'],
        ['status', '--jsn', '--json'],
        ['pause', 'shop', '--json'],
      ].map(async (args) => JSON.parse((await place.sluice(args)).stdout) as unknown),
    )
    expect(documents).toMatchObject([
      { error: { code: 'ARGUMENT_INVALID', hint: expect.any(String) } },
      { error: { code: 'ARGUMENT_INVALID', message: expect.stringContaining('--jsn') } },
      { error: { code: 'ROLLOUT_UNKNOWN' } },
    ])
  })
})

describe('a rollout file', () => {
  test('that is valid is said in words, and as one document', async () => {
    const place = await workplace()
    const file = await place.config(CONFIG)
    const words = await place.sluice(['validate', file])
    expect(words).toMatchObject({ code: 0, stderr: '' })
    expect(words.stdout).toContain('is valid: a canary release of shop to v2')
    const { stdout } = await place.sluice(['validate', file, '--version', 'v3', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ valid: true, plan: { service: 'shop', version: 'v3' } })
  })

  test.each([['validate'], ['run']])(
    'that is invalid ends %s with 78, place and frame, and nothing is touched',
    async (command) => {
      const place = await workplace()
      const file = await place.config([...CONFIG, 'trafficSteps: [5, 200]', 'validationDuratoin: 5m'])
      const { code, stdout, stderr } = await place.sluice([command, file])
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' })
      expect(stderr).toMatch(/^rollout\.yaml:6:19 error trafficSteps\[1\]|^rollout\.yaml:6:19 error/m)
      expect(stderr).toContain('did you mean "validationDuration"?')
      expect(stderr).toMatch(/^> 7 \| validationDuratoin: 5m$/m)
      const { error } = JSON.parse((await place.sluice([command, file, '--json'])).stdout) as ErrorDocument
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', problems: [{ line: 6 }, { line: 7, col: 1 }] })
      expect(await readdir(place.dir)).toEqual(['rollout.yaml', 'shop.mjs'])
    },
  )

  test('that names no version needs one from the command line', async () => {
    const place = await workplace()
    const file = await place.config(CONFIG.filter((line) => !line.startsWith('version')))
    const { code, stderr } = await place.sluice(['run', file])
    expect(code).toBe(2)
    expect(stderr).toContain('hint: Write --version <version>')
  })

  test('that refers to what is not there ends run with 78 before anything is touched', async () => {
    const place = await workplace()
    const file = await place.config([...CONFIG, '  env: { KEY: "env:NOBODY_SET_THIS" }'])
    const { code, stderr } = await place.sluice(['run', file])
    expect(code).toBe(78)
    expect(stderr).toContain('NOBODY_SET_THIS is not set in the environment')
  })
})

describe('where nothing was released', () => {
  test('status, list and events say so, and end with 0', async () => {
    const place = await workplace()
    for (const command of ['status', 'list']) {
      const { code, stdout } = await place.sluice([command])
      expect({ code, stdout }).toEqual({ code: 0, stdout: `nothing was released yet in ${place.stateDir}\n` })
    }
    expect(await place.sluice(['events'])).toMatchObject({ code: 0, stdout: '' })
    expect(await place.sluice(['down'])).toMatchObject({ code: 0 })
  })

  test('they print a document, too', async () => {
    const place = await workplace()
    const controller = { running: false, pid: null, proxy: false }
    const documents = ['status', 'list', 'down'].map(
      async (command) => JSON.parse((await place.sluice([command, '--json'])).stdout) as unknown,
    )
    expect(await Promise.all(documents)).toEqual([
      { controller, services: [] },
      { controller, rollouts: [] },
      { stateDir: place.stateDir, services: [], unfinished: [] },
    ])
  })

  test.each(['promote', 'pause', 'resume', 'abort', 'rollback'])(
    '%s has nothing to ask, and says so',
    async (command) => {
      const place = await workplace()
      const { code, stderr } = await place.sluice([command, 'shop'])
      expect(code).toBe(2)
      expect(stderr).toContain(`error: nothing was released yet in ${place.stateDir}\nhint: `)
      expect(await readdir(place.dir)).toEqual(['shop.mjs'])
    },
  )
})

describe('a state directory', () => {
  test('in which an engine is at work is refused by run and down, with 75', async () => {
    const place = await workplace()
    const file = await place.config(CONFIG)
    await using engine = await createEngine({ stateDir: place.stateDir })
    for (const args of [['run', file], ['down']]) {
      const { code, stderr } = await place.sluice(args)
      expect(code).toBe(75)
      expect(stderr).toMatch(/^error: (?:another engine|a controller) is at work in /m)
    }
    expect(engine.services()).toEqual([])
  })

  test('may stand before the command or after it', async () => {
    const place = await workplace()
    const [before, after] = await Promise.all([
      place.sluice(['--state-dir', 'elsewhere', 'status']),
      place.sluice(['status', '--state-dir', 'elsewhere']),
    ])
    expect(before.stdout).toBe(`nothing was released yet in ${join(place.dir, 'elsewhere')}\n`)
    expect(after).toEqual(before)
  })

  test('with a store that is no store ends with 1, and says what to do', async () => {
    const place = await workplace()
    await mkdir(place.stateDir)
    await writeFile(
      join(place.stateDir, 'store.db'),
      'not a database, but a text of some length\n'.repeat(50),
    )
    const { code, stderr, stdout } = await place.sluice(['status'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^error: /)
    expect(stderr).not.toContain('    at ')
  })

  test('can have its proxy stopped without any controller', async () => {
    const place = await workplace()
    const proxy = embeddedProxy({ stateDir: place.stateDir })
    const signal = AbortSignal.timeout(30_000)
    await proxy.router.read('shop', { signal })
    const { pid } = JSON.parse(await readFile(join(place.stateDir, 'proxy.json'), 'utf8')) as { pid: number }
    proxy.close()
    expect((await place.sluice(['down'])).code).toBe(0)
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
  })
})

interface ErrorDocument {
  readonly error: unknown
}
