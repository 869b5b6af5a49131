import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, describe, expect, test, vi } from 'vitest'

import { probes } from '../../../src/adapters/probes/index.ts'
import type { ProbeAnswer } from '../../../src/engine/ports.ts'
import { type Heart, heart, patient, targetAt } from '../../../src/testing/probe-rig.ts'
import { eventually } from '../../../src/testing/traffic-rig.ts'

const URL_OF_IT = 'http://127.0.0.1:4711'

afterEach(() => {
  vi.unstubAllEnvs()
})

async function run(command: readonly string[], target = targetAt(URL_OF_IT)): Promise<ProbeAnswer> {
  return probes().probe({ kind: 'command', command, timeoutMs: 30_000 }, target, patient())
}

async function sh(script: string): Promise<ProbeAnswer> {
  return run(['sh', '-c', script])
}

/** Starts a program that lives for ever, waits for it, and ends. */
function leaving({ port }: Heart, options: object): readonly string[] {
  const live = `require('node:net').connect(${port}, '127.0.0.1').on('connect', () => process.send?.('up')).on('error', () => {}).on('close', () => process.exit())`
  const script = `const child = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(live)}], ${JSON.stringify(options)})
    child.once('message', () => process.exit(EXIT))`
  return [process.execPath, '-e', script]
}

describe('a program', () => {
  test('is told next to nothing of our environment', async () => {
    vi.stubEnv('SLUICE_TEST_TOKEN', 's3cret')
    const { message } = await sh('echo "[$SLUICE_TEST_TOKEN$HOME$NODE_OPTIONS] $(command -v sh)"; exit 1')
    expect(message).toMatch(/^ended with 1: \[\] \/.*sh$/)
  })

  test('has nothing to read', async () => {
    expect((await run(['cat'])).health).toBe('healthy')
  })

  test('is told what stands for a name, and not what stands in that', async () => {
    const target = { version: '{url}', endpoint: { instance: '{host}', url: URL_OF_IT } }
    const script = 'echo "$0 $1 $2"; exit 1'
    const { message } = await run(['sh', '-c', script, '{version}', '{instance}', '{nothing}'], target)
    expect(message).toBe('ended with 1: {url} {host} {nothing}')
  })

  test('may be told of an instance that speaks another protocol', async () => {
    const target = targetAt('tcp://[::1]:5432')
    const { message } = await run(['sh', '-c', 'echo "$0 $1"; exit 1', '{host}', '{port}'], target)
    expect(message).toBe('ended with 1: ::1 5432')
  })

  test('that may not be run could not be asked', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'probe-'))
    try {
      const path = join(dir, 'check')
      await writeFile(path, '#!/bin/sh\nexit 0\n', { mode: 0o600 })
      expect(await run([path])).toMatchObject({
        health: 'error',
        message: "the program can't be started: it may not be run",
      })
    } finally {
      await rm(dir, { recursive: true })
    }
  })

  test.each([
    ['arguments that are too long', ['sh', '-c', 'exit 0', 'x'.repeat(10_000_000)]],
    ['an argument that is no text', ['sh', 1 as unknown as string]],
    ['an empty name', ['']],
  ])('with %s could not be asked', async (_, command) => {
    expect((await run(command)).health).toBe('error')
  })
})

describe('the last line of what a program said', () => {
  test.each([
    ['nothing', 'exit 7', 'ended with 7'],
    ['empty lines', 'printf "bad\\n\\n  \\n"; exit 7', 'ended with 7: bad'],
    ['no line break at its end', 'printf "first\\nbad"; exit 7', 'ended with 7: bad'],
    ['line breaks of Windows', 'printf "first\\r\\nbad\\r\\n"; exit 7', 'ended with 7: bad'],
    ['colours', 'printf "\\033[31mbad\\033[0m\\n"; exit 7', 'ended with 7: bad'],
    ['bytes that are no text', 'printf "b\\377d\\n"; exit 7', 'ended with 7: b\uFFFDd'],
    ['a signal', 'echo bad; kill -9 $$', 'killed by SIGKILL: bad'],
  ])('is found in %s', async (_, script, message) => {
    expect((await sh(script)).message).toBe(message)
  })

  test('is found behind more than anybody would keep', async () => {
    const { message } = await sh('yes | head -c 20000000; echo; echo bad; exit 7')
    expect(message).toBe('ended with 7: bad')
  })

  test('is cut, and shows no secret', async () => {
    expect((await sh('head -c 1000 /dev/zero | tr "\\0" x; exit 7')).message).toHaveLength(300)
    expect((await sh('echo "no: http://user:s3cret@host/ token=s3cret"; exit 7')).message).not.toContain(
      's3cret',
    )
  })
})

describe('what a program leaves behind', () => {
  test.each([0, 1])('is ended with it, when it ends with %i', async (code) => {
    await using pulse = await heart()
    const [program = '', e = '', script = ''] = leaving(pulse, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const { message } = await run([program, e, script.replace('EXIT', String(code))])
    expect([message, pulse.begun]).toEqual([`ended with ${code}`, 1])
    await eventually(() => pulse.beating === 0)
  })

  test('is not waited for when it went its own way with the pipe', async () => {
    await using pulse = await heart()
    const options = { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true }
    const [program = '', e = '', script = ''] = leaving(pulse, options)
    const { message } = await run([program, e, script.replace('EXIT', '1')])
    expect([message, pulse.beating]).toEqual(['ended with 1', 1])
  })
})
