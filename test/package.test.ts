// The package as people get it: packed, installed in an empty folder, and used as the README says.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { Load } from '../src/cli/demo/load.ts'
import { eventually } from '../src/testing/traffic-rig.ts'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SERVER = `
import { createServer } from 'node:http'
const { PORT, SLUICE_VERSION } = process.env
createServer((req, res) => res.setHeader('x-version', SLUICE_VERSION).end('ok')).listen(PORT, '127.0.0.1')
`
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-package-'))
  await run('npm', ['run', 'build'], { cwd: ROOT })
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT })
  const [archive = ''] = await readdir(folder)
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  await run('npm', ['install', '--no-audit', '--no-fund', `./${archive}`], { cwd: folder })
  return async () => rm(folder, { recursive: true, force: true })
}, 300_000)

async function sluice(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(join(folder, 'node_modules/.bin/sluice'), args, { cwd: folder })
  return stdout
}

describe('the installed package', () => {
  test('does what the first example of the README says', { timeout: 180_000 }, async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
    const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? []
    expect(example.trimEnd().split('\n').length).toBeLessThanOrEqual(18)
    const port = await freePort()
    await writeFile(join(folder, 'server.js'), SERVER)
    await writeFile(join(folder, 'release.ts'), example.replace('8080', String(port)))

    const load = new Load(300)
    const program = spawn(process.execPath, ['release.ts'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(async () => {
      program.kill('SIGKILL')
      await load.stop()
      await sluice('down')
    })
    const said = [text(program.stdout), text(program.stderr)] as const
    const ended = once(program, 'exit')
    await eventually(async () => program.exitCode !== null || (await answers(port)))
    load.start(`http://127.0.0.1:${port}`)
    expect([await ended, await said[1]]).toEqual([[0, null], ''])
    const lines = (await said[0]).trim().split('\n')
    expect(lines).toEqual(expect.arrayContaining(['traffic.shifted -> monitoring', 'promoted']))
    expect(lines.at(-1)).toMatch(/^0 of \d+ requests failed$/)
    expect((await load.stop()).failed).toBe(0)
  })

  test('has a command that says what it can do', async () => {
    expect(await sluice('--help')).toContain('rollback')
    expect(await sluice('graph', 'canary', '--format', 'mermaid')).toContain('stateDiagram-v2')
  })

  test('loads each of its doors by itself', async () => {
    const doors = [
      'sluice',
      'sluice/machines',
      'sluice/client',
      'sluice/adapters/embedded-proxy',
      'sluice/schema.json',
    ]
    const program = doors
      .map((door) => `await import('${door}'${door.endsWith('.json') ? ", { with: { type: 'json' } }" : ''})`)
      .join(';')
    await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: folder })
    await expect(
      run(process.execPath, ['--input-type=module', '--eval', "await import('sluice/engine')"], {
        cwd: folder,
      }),
    ).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })
})

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}`).then(
    (answer) => answer.ok,
    () => false,
  )
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
