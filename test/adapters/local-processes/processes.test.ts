// One instance: how it is started, what it is told, how it ends.
import { spawn } from 'node:child_process'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { expect, onTestFinished, test } from 'vitest'

import { localProcesses } from '../../../src/adapters/local-processes/index.ts'
import { procTable, psTable } from '../../../src/adapters/local-processes/process-table.ts'
import { restartDelayMs } from '../../../src/adapters/local-processes/settings.ts'
import type { Instance, RunSpec } from '../../../src/engine/ports.ts'
import { eventually } from '../../../src/testing/traffic-rig.ts'
import { answerOf, app, eventsOf, opened, pidOf, processesWith, runs, versionOf } from './kit.ts'

const options = { signal: AbortSignal.timeout(600_000) }
const HERE = fileURLToPath(import.meta.url)
const MISTAKE = { name: 'UsageError', code: 'ARGUMENT_INVALID' }

/** A shell script as a version; `"$@"` is the kit's server. */
function script(text: string): Partial<RunSpec> {
  return { command: ['sh', '-c', text, 'sh', ...app.command] }
}

function only(instances: readonly Instance[]): Instance {
  const [instance, ...others] = instances
  if (instance === undefined || others.length > 0) throw new RangeError('one instance')
  return instance
}

test('an instance’s environment is its version’s, who it is, and what any program needs', async () => {
  const { platform } = await opened()
  const what = versionOf({ env: { GREETING: 'hello {service} {version} {instance} {port}' } })
  const { url } = only(await platform.start(what, options))
  const { port } = new URL(url)
  const text = await readFile(`/proc/${await pidOf(what.service)}/environ`, 'utf8')
  const env = Object.fromEntries(text.split('\0').map((line) => line.split('=', 2)))

  expect(env).toMatchObject({
    GREETING: `hello ${what.service} v1 v1-1 ${port}`,
    PORT: port,
    SLUICE_SERVICE: what.service,
    SLUICE_VERSION: 'v1',
    SLUICE_INSTANCE: 'v1-1',
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
  })
  const known =
    /^(GREETING|PORT|SLUICE_(SERVICE|VERSION|INSTANCE)|PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LC_\w+|PWD|OLDPWD|SHLVL|_|)$/
  expect(Object.keys(env).filter((key) => !known.test(key))).toEqual([])
})

test('port, version, service and instance are filled in in the command', async () => {
  const { platform } = await opened()
  const what = versionOf({
    command: [...app.command, '{port}', '{version}/{service}', '{instance}', '{other}', '$HOME `id`'],
  })
  const { url } = only(await platform.start(what, options))
  const args = (await readFile(`/proc/${await pidOf(what.service)}/cmdline`, 'utf8')).split('\0')
  const { port } = new URL(url)
  expect(args.slice(2)).toEqual([port, `v1/${what.service}`, 'v1-1', '{other}', '$HOME `id`', ''])
})

test.each([
  ['a program that isn’t there', { command: ['no-such-program'] }, 'there is no program no-such-program'],
  ['a path that isn’t there', { command: ['./no/such/program'] }, 'there is no program ./no/such/program'],
  ['a file that can’t be executed', { command: [HERE] }, `there is no program ${HERE}`],
  ['a directory as program', { command: ['/tmp'] }, 'there is no program /tmp'],
  ['a directory that isn’t there', { cwd: '/no/such/dir' }, 'there is no directory /no/such/dir'],
  ['an environment that is too long', { env: { LONG: 'x'.repeat(1 << 20) } }, 'E2BIG'],
])('%s is refused at once, in words, and leaves nothing', async (_, run, words) => {
  const { platform, stateDir } = await opened()
  const what = versionOf({ replicas: 2, ...run })
  await expect(platform.start(what, options)).rejects.toMatchObject({
    name: 'AdapterError',
    code: 'PLATFORM_FAILED',
    message: expect.stringContaining(words),
    hint: expect.any(String),
  })
  expect(await readdir(join(stateDir, 'processes', what.service)).catch(() => [])).toEqual([])
  expect(await processesWith('SLUICE_SERVICE', what.service)).toEqual([])
  expect(await platform.list(what.service, options)).toEqual([])
})

test.each<[string, Partial<RunSpec>, string]>([
  ['no command', { command: [] }, 'run.command'],
  ['an empty program', { command: [''] }, 'run.command'],
  ['a NUL in an argument', { command: ['node', 'a\0b'] }, 'run.command[1]'],
  ['a name of a variable with =', { env: { 'A=B': 'c' } }, '"A=B"'],
  ['a variable without a name', { env: { '': 'c' } }, '""'],
  ['a NUL in a value', { env: { A: 'b\0c' } }, 'run.env.A'],
  ['replicas below zero', { replicas: -1 }, 'run.replicas'],
  ['half a replica', { replicas: 0.5 }, 'run.replicas'],
  ['too many replicas', { replicas: 101 }, 'run.replicas'],
  ['a grace that is no number', { stopGraceMs: Number.NaN }, 'run.stopGraceMs'],
])('%s is a mistake, and nothing is touched', async (_, run, words) => {
  const { platform, stateDir } = await opened()
  await expect(platform.start(versionOf(run), options)).rejects.toMatchObject({
    ...MISTAKE,
    message: expect.stringContaining(words),
  })
  expect(await readdir(stateDir)).toEqual([])
})

test('a name from the prototype of all objects is a variable like any other', async () => {
  const { platform } = await opened()
  const env: Record<string, string> = JSON.parse('{"__proto__":"p","constructor":"c"}')
  const instance = only(await platform.start(versionOf({ env }), options))
  expect(await answerOf(instance, '/env/constructor')).toBe('c')
  const text = await readFile(`/proc/${await pidOf(instance.service)}/environ`, 'utf8')
  expect(text.split('\0')).toContain('__proto__=p')
})

test('one who does not hear SIGTERM is killed after the grace', async () => {
  const { platform } = await opened()
  const what = versionOf({ env: { SIGTERM: 'ignore' }, stopGraceMs: 100 })
  await answerOf(only(await platform.start(what, options)))
  const pid = await pidOf(what.service)
  await platform.stop(what, options)
  expect(await runs(pid)).toBe(false)
})

test('one who hears SIGTERM has time to end by itself', async () => {
  const { platform, stateDir } = await opened()
  const what = versionOf({ ...script('trap "echo good bye; exit 0" TERM; "$@" & wait'), stopGraceMs: 60_000 })
  await answerOf(only(await platform.start(what, options)))
  await platform.stop(what, options)
  expect(await readFile(join(stateDir, 'logs', what.service, 'v1-1.log'), 'utf8')).toContain('good bye')
})

test('one that was stopped in its tracks can be ended politely', async () => {
  const { platform } = await opened()
  const what = versionOf({ stopGraceMs: 60_000 })
  await answerOf(only(await platform.start(what, options)))
  const pid = await pidOf(what.service)
  process.kill(pid, 'SIGSTOP')
  await platform.stop(what, options)
  expect(await runs(pid)).toBe(false)
})

test('what an instance has started ends with it', async () => {
  const { platform } = await opened()
  const what = versionOf({ ...script('trap "" TERM; sleep 3600 & "$@" & wait'), stopGraceMs: 50 })
  await answerOf(only(await platform.start(what, options)))
  expect((await processesWith('SLUICE_SERVICE', what.service)).length).toBe(3)
  await platform.stop(what, options)
  expect(await processesWith('SLUICE_SERVICE', what.service)).toEqual([])
})

test('of an instance whose first process has ended nothing is left when it is started again', async () => {
  const { platform } = await opened()
  const events = eventsOf(platform)
  const what = versionOf(script('"$@" & sleep 3600 & wait $!'))
  await answerOf(only(await platform.start(what, options)))
  const before = await processesWith('SLUICE_SERVICE', what.service)
  expect(before).toHaveLength(3)

  // The shell is the leader of the group: it is the one whose pid names it.
  const leaders = await Promise.all(before.map(async (pid) => (await procTable.look(pid))?.group))
  process.kill(leaders[0] ?? 0, 'SIGKILL')
  await eventually(() => events.length === 2)

  for (const pid of before) expect(await runs(pid)).toBe(false)
  expect(events[0]?.reason).toBe('v1-1 was killed by SIGKILL')
  expect(await answerOf(only(await platform.list(what.service, options)))).toBe('v1')
})

test('what an instance prints is in its log, which only its owner can read', async () => {
  const { platform, stateDir } = await opened()
  const what = versionOf(script('echo to standard output; echo to standard error >&2; exec "$@"'))
  await answerOf(only(await platform.start(what, options)))
  const log = join(stateDir, 'logs', what.service, 'v1-1.log')
  expect(await readFile(log, 'utf8')).toBe('to standard output\nto standard error\n')
  await platform.stop(what, options)

  const modes = await Promise.all([stateDir, join(stateDir, 'logs'), join(log, '..'), log].map(modeOf))
  expect(modes).toEqual(['700', '700', '700', '600'])
})

test('records and tickets are for their owner only', async () => {
  const { platform, stateDir } = await opened()
  const what = versionOf()
  await platform.start(what, options)
  const dir = join(stateDir, 'processes', what.service)
  const found = await readdir(dir, { recursive: true, withFileTypes: true })
  for (const entry of found) {
    const mode = await modeOf(join(entry.parentPath, entry.name))
    expect([entry.name, mode]).toEqual([entry.name, entry.isDirectory() ? '700' : mode])
  }
  expect(await modeOf(dir)).toBe('700')
  expect(await modeOf(join(dir, 'v1-1.json'))).toBe('600')
})

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

test('a log that grows is copied and emptied while it is written to', async () => {
  const { platform, stateDir } = await opened({ logLimit: 20_000 })
  const line = 'x'.repeat(100)
  const what = versionOf(script(`while :; do echo ${line}; sleep 0.01; done & exec "$@"`))
  await platform.start(what, options)
  const log = join(stateDir, 'logs', what.service, 'v1-1.log')

  await eventually(async () => (await sizeOf(`${log}.previous`)) >= 20_000)
  const text = await eventually(async () => (await readFile(log, 'utf8')) || undefined)
  expect(text).toMatch(/^x/)
})

test('a log that has grown is put aside, whole, when its instance is started', async () => {
  const { platform, stateDir } = await opened({ logLimit: 20_000 })
  const what = versionOf()
  await platform.start(what, options)
  await platform.stop(what, options)
  const log = join(stateDir, 'logs', what.service, 'v1-1.log')
  await writeFile(log, 'x'.repeat(20_000))
  const { ino } = await stat(log)

  await platform.start(what, options)

  expect((await stat(`${log}.previous`)).ino).toBe(ino)
  expect(await sizeOf(log)).toBe(0)
})

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

test('the reason of an exit has its code and the last line of this start, without its secrets', async () => {
  const { platform, stateDir } = await opened()
  const secret = join(stateDir, 'secret')
  await writeFile(secret, 'correct horse\nbattery staple\n')
  const events = eventsOf(platform)
  const words = '\u001B[31mfailed: battery staple, password=hunter2, postgres://me:pw@db/x\u001B[0m'
  const env = { OWN: `file:${secret}`, LAST_WORDS: words }
  const what = versionOf({ env })
  const instance = only(await platform.start(what, options))
  await answerOf(instance)
  await fetch(`${instance.url}/exit/3`).catch(() => null)
  await eventually(() => events.length === 2)
  expect(events[0]?.reason).toBe(
    'v1-1 exited with code 3; its last line: failed: [redacted], password=[redacted], postgres://db/x',
  )

  process.kill(await pidOf(what.service), 'SIGKILL')
  await eventually(() => events.length === 4)
  expect(events[2]?.reason).toBe('v1-1 was killed by SIGKILL')
})

test('secrets are in no file of the state directory', async () => {
  const { platform, stateDir } = await opened()
  process.env['SLUICE_TEST_SECRET'] = 'correct-horse-battery-staple'
  onTestFinished(() => void delete process.env['SLUICE_TEST_SECRET'])
  const what = versionOf({ env: { OWN: 'env:SLUICE_TEST_SECRET' } })
  const instance = only(await platform.start(what, options))
  expect(await answerOf(instance, '/env/OWN')).toBe('correct-horse-battery-staple')

  const entries = await readdir(stateDir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const texts = await Promise.all(
    files.map(async (file) => readFile(join(file.parentPath, file.name), 'utf8')),
  )
  expect(texts.some((text) => text.includes('env:SLUICE_TEST_SECRET'))).toBe(true)
  expect(texts.filter((text) => text.includes('correct-horse-battery-staple'))).toEqual([])
})

test('the references of all instances are resolved before the first one is started', async () => {
  const { platform, stateDir } = await opened()
  await writeFile(join(stateDir, 'v1-1'), 'only for the first')
  const what = versionOf({ replicas: 2, env: { OWN: `file:${stateDir}/{instance}` } })
  await expect(platform.start(what, options)).rejects.toMatchObject({
    code: 'UNBOUND_NAME',
    message: expect.stringContaining('v1-2'),
  })
  expect(await readdir(join(stateDir, 'logs')).catch(() => [])).toEqual([])
})

test('a program that the system can’t run is an exit, with what the system says', async () => {
  const { platform, stateDir } = await opened({ restartDelay: '1h', longestRestartDelay: '1h' })
  const events = eventsOf(platform)
  const broken = join(stateDir, 'broken')
  await writeFile(broken, '#!/no/such/interpreter\n')
  await chmod(broken, 0o700)
  await platform.start(versionOf({ command: [broken] }), options)
  await eventually(() => events.length === 1)
  expect(events[0]?.reason).toMatch(/^v1-1 exited with code 12[67]; its last line: .*broken: not found/)
})

test('one that always ends is started again and again, and how often is remembered', async () => {
  const { platform, stateDir } = await opened({ restartDelay: '1ms' })
  const events = eventsOf(platform)
  const what = versionOf({ command: ['sh', '-c', 'exit 4'] })
  await platform.start(what, options)
  await eventually(() => events.filter(({ kind }) => kind === 'restarted').length === 4)
  const record = await readFile(join(stateDir, 'processes', what.service, 'v1-1.json'), 'utf8')
  expect(JSON.parse(record).failures).toBeGreaterThanOrEqual(4)
  await platform.stop(what, options)
  expect(events.slice(0, 8).map(({ kind, instance }) => `${kind} ${instance.restarts}`)).toEqual([
    'exited 0',
    'restarted 1',
    'exited 1',
    'restarted 2',
    'exited 2',
    'restarted 3',
    'exited 3',
    'restarted 4',
  ])
  expect(await readdir(join(stateDir, 'processes', what.service))).toEqual([])
})

test('the delay doubles from exit to exit, up to the longest; a long life sets it back', () => {
  const settings = { restartDelayMs: 200, longestRestartDelayMs: 30_000, steadyMs: 1, logLimit: 1 }
  const delays = [1, 2, 3, 8, 9, 10_000].map((failures) => restartDelayMs(failures, settings))
  expect(delays).toEqual([200, 400, 800, 25_600, 30_000, 30_000])
  const forEver = { ...settings, longestRestartDelayMs: Number.MAX_SAFE_INTEGER }
  expect(restartDelayMs(10_000, forEver)).toBeLessThan(2 ** 31)
})

test('one that runs for long between its exits is started again with the first delay each time', async () => {
  // Without that, the last of these restarts would be hours away.
  const { platform } = await opened({ restartDelay: '5ms', longestRestartDelay: '24h', steadyAfter: '1ms' })
  const events = eventsOf(platform)
  await platform.start(versionOf({ command: ['sh', '-c', 'sleep 0.02'] }), options)
  await eventually(() => events.filter(({ kind }) => kind === 'restarted').length === 16)
})

test('one that waits for its restart is not listed, but a start says where it will be', async () => {
  const { platform, stateDir, reopen } = await opened({ restartDelay: '1h', longestRestartDelay: '1h' })
  const events = eventsOf(platform)
  const what = versionOf()
  const before = only(await platform.start(what, options))
  await answerOf(before)
  await fetch(`${before.url}/exit/1`).catch(() => null)
  await eventually(() => events.length === 1)

  const planned = only(await platform.start(what, options))

  expect(await platform.list(what.service, options)).toEqual([])
  expect(planned.instance).toBe(before.instance)
  expect(planned.url).not.toBe(before.url)
  const next = await reopen()
  await next.close()
  const eager = localProcesses({ stateDir, restartDelay: '10ms' })
  onTestFinished(async () => eager.close())
  const heard = eventsOf(eager)
  const again = only(await eager.start(what, options))
  expect(await answerOf(again)).toBe('v1')
  expect(heard.map(({ kind, instance }) => [kind, instance.url])).toEqual([['restarted', again.url]])
})

test('one that waits for its restart is stopped for good', async () => {
  const { platform } = await opened({ restartDelay: '200ms' })
  const events = eventsOf(platform)
  const what = versionOf({ command: ['sh', '-c', 'exit 1'] })
  await platform.start(what, options)
  await eventually(() => events.length >= 1)
  await platform.stop(what, options)
  const told = events.length
  const control = versionOf({ command: ['sh', '-c', 'exit 1'] })
  await platform.start(control, options)
  await eventually(() =>
    events.some(({ kind, instance }) => kind === 'restarted' && instance.service === control.service),
  )
  expect(events.slice(told).filter(({ instance }) => instance.service === what.service)).toEqual([])
})

test('a port that was taken while an instance waited is not insisted on', async () => {
  const { platform } = await opened({ restartDelay: '1500ms' })
  const events = eventsOf(platform)
  const what = versionOf()
  const before = only(await platform.start(what, options))
  await answerOf(before)
  await fetch(`${before.url}/exit/1`).catch(() => null)
  await eventually(() => events.length === 1)
  const planned = only(await platform.start(what, options))
  const thief = createServer()
  onTestFinished(() => void thief.close())
  await new Promise<void>((resolve, reject) => {
    thief.once('error', reject)
    thief.listen(Number(new URL(planned.url).port), '127.0.0.1', resolve)
  })

  const restarted = await eventually(() => events.find(({ kind }) => kind === 'restarted'))

  expect(restarted.instance.url).not.toBe(planned.url)
  expect(await answerOf(restarted.instance)).toBe('v1')
})

test('a restart that is impossible is told, and tried again until it is not', async () => {
  const { platform } = await opened()
  process.env['SLUICE_TEST_KEY'] = 'opens'
  onTestFinished(() => void delete process.env['SLUICE_TEST_KEY'])
  const events = eventsOf(platform)
  const what = versionOf({ env: { KEY: 'env:SLUICE_TEST_KEY' } })
  const instance = only(await platform.start(what, options))
  await answerOf(instance)
  delete process.env['SLUICE_TEST_KEY']
  await fetch(`${instance.url}/exit/1`).catch(() => null)
  await eventually(() =>
    events.some(({ reason }) => reason.includes("env:SLUICE_TEST_KEY can't be resolved")),
  )

  process.env['SLUICE_TEST_KEY'] = 'opens again'

  const restarted = await eventually(() => events.find(({ kind }) => kind === 'restarted'))
  expect(restarted.instance.restarts).toBe(1)
  expect(await answerOf(restarted.instance, '/env/KEY')).toBe('opens again')
})

test('a start with another command changes what is started next, not what runs', async () => {
  const { platform } = await opened()
  const events = eventsOf(platform)
  const what = versionOf({ env: { COLOUR: 'blue' } })
  const instance = only(await platform.start(what, options))
  const changed = { ...what, run: { ...what.run, env: { COLOUR: 'green' } } }
  expect(await platform.start(changed, options)).toEqual([instance])
  expect(await answerOf(instance, '/env/COLOUR')).toBe('blue')

  await fetch(`${instance.url}/exit/1`).catch(() => null)

  const restarted = await eventually(() => events.find(({ kind }) => kind === 'restarted'))
  expect(await answerOf(restarted.instance, '/env/COLOUR')).toBe('green')
})

test('no replicas are none', async () => {
  const { platform } = await opened()
  const what = versionOf()
  await platform.start(what, options)
  expect(await platform.start({ ...what, run: { ...what.run, replicas: 0 } }, options)).toEqual([])
  expect(await processesWith('SLUICE_SERVICE', what.service)).toEqual([])
})

test('a state directory that can’t be made is said so', async () => {
  const { stateDir } = await opened()
  const file = join(stateDir, 'file')
  await writeFile(file, '')
  const platform = localProcesses({ stateDir: file })
  await expect(platform.start(versionOf(), options)).rejects.toMatchObject({
    name: 'AdapterError',
    code: 'PLATFORM_FAILED',
    message: expect.stringContaining('ENOTDIR'),
  })
  await platform.close()
})

test.each([
  { restartDelay: '0s' },
  { longestRestartDelay: '5' },
  { steadyAfter: '1 minute' },
  { logLimit: 0 },
  { logLimit: Number.NaN },
])('%o is a mistake', (wrong) => {
  const open = (): unknown =>
    localProcesses({ stateDir: '/tmp/nowhere', ...JSON.parse(JSON.stringify(wrong)) })
  expect(open).toThrow(expect.objectContaining(MISTAKE))
})

test('/proc and ps agree about who leads which group, and who is dead', async () => {
  // The shell’s first child ends once the shell has become something that does not wait for it.
  const parent = spawn('sh', ['-c', 'sleep 2 & echo $!; exec sleep 3600'], { detached: true })
  const pid = parent.pid ?? 0
  onTestFinished(() => void process.kill(-pid, 'SIGKILL'))
  const child = await new Promise<number>((resolve) => {
    parent.stdout.once('data', (text: Buffer) => resolve(Number(text)))
  })
  await eventually(async () => /\) Z /.test(await readFile(`/proc/${child}/stat`, 'utf8')))

  for (const table of [procTable, psTable]) {
    expect(await table.look(pid)).toMatchObject({ pid, group: pid, state: 'running' })
    expect(await table.look(child)).toMatchObject({ pid: child, group: pid, state: 'dead' })
    expect(await table.look(2 ** 30)).toBe(null)
    const group = (await table.all()).filter((each) => each.group === pid)
    expect(group.map((each) => [each.pid, each.state])).toEqual(
      expect.arrayContaining([
        [pid, 'running'],
        [child, 'dead'],
      ]),
    )
    const { start } = (await table.look(pid)) ?? {}
    expect((await table.look(pid))?.start).toBe(start)
  }
})
