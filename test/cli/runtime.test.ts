import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { describe, expect, test } from 'vitest'

import packageJson from '../../package.json' with { type: 'json' }
import { isSupportedNode } from '../../src/cli/runtime.ts'

const SUPPORTED = ['22.22.3', '22.23.0', '24.15.0', '24.21.0', '25.0.0', '26.1.0', '24.15.0-nightly']
const TOO_OLD = ['18.20.4', '20.20.2', '22.9.9', '22.22.2', '23.11.1', '24.0.0', '24.14.9']

describe('the Node that the command needs', () => {
  test.each(SUPPORTED)('may be %s', (version) => {
    expect(isSupportedNode(version)).toBe(true)
  })

  test.each(TOO_OLD)('may not be %s', (version) => {
    expect(isSupportedNode(version)).toBe(false)
  })

  test('is the one that package.json asks for', () => {
    expect(packageJson.engines.node).toBe('>=22.22.3 <23 || >=24.15.0')
  })

  test('is the one that runs these tests', async () => {
    expect(await runAs(process.versions.node)).toEqual({ code: 0, stdout: 'went on\n', stderr: '' })
  })

  test('is named in one sentence and ends the command with exit code 2 when an older one runs it', async () => {
    const { code, stdout, stderr } = await runAs('20.20.2')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(
      /^sluice needs Node 24\.15\.0 or newer, or Node 22 from 22\.22\.3 on\. This is Node 20\.20\.2 /,
    )
  })
})

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Asks for the runtime in a process of its own that takes itself for this version of Node. */
async function runAs(version: string): Promise<Ended> {
  const guard = fileURLToPath(new URL('../../src/cli/runtime.ts', import.meta.url))
  const code = `
    Object.defineProperty(process.versions, 'node', { value: ${JSON.stringify(version)} })
    const { assertRuntime } = await import(${JSON.stringify(guard)})
    assertRuntime()
    console.log('went on')`
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--input-type=module', '--eval', code], (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}
