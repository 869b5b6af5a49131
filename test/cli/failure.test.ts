import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { describe, expect, test } from 'vitest'

import { workplace } from './command-kit.ts'

const MAIN = fileURLToPath(new URL('./failure-main.ts', import.meta.url))

describe('a mistake of ours', () => {
  test('is told with an id that is found in the log, and without a stack', async () => {
    const { stateDir } = await workplace()
    await mkdir(stateDir)
    const { code, stderr, stdout } = await reported([stateDir])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    const [, id = ''] = /\(([0-9a-f]{8})\)/.exec(stderr) ?? []
    expect(stderr).toContain(`hint: See ${join(stateDir, 'sluice.log')} for ${id}`)
    expect(stderr).not.toContain('    at ')
    const line = JSON.parse(await readFile(join(stateDir, 'sluice.log'), 'utf8')) as object
    expect(line).toMatchObject({ id, stack: expect.stringContaining('failure-main.ts') })
    expect(stderr + JSON.stringify(line)).not.toContain('hunter2')
  })

  test('makes no state directory where there is none', async () => {
    const { stateDir, dir } = await workplace()
    const { stderr } = await reported([stateDir])
    expect(stderr).toContain('Run it again with --debug to see where')
    await expect(readFile(join(dir, '.sluice', 'sluice.log'))).rejects.toThrow(/ENOENT/)
  })

  test('shows where it came from when it is asked to, still without secrets', async () => {
    const { stateDir } = await workplace()
    const { stderr } = await reported([stateDir, '--debug'])
    expect(stderr).toMatch(/^ {4}at .*failure-main\.ts/m)
    expect(stderr).not.toContain('hunter2')
  })

  test('is one document for programs', async () => {
    const { stateDir } = await workplace()
    const { stdout } = await reported([stateDir, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'INTERNAL', message: expect.any(String) } })
  })
})

interface Reported {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

async function reported(args: readonly string[]): Promise<Reported> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}
