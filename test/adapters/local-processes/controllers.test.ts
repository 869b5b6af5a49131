// What happens to instances when their controller dies, or when there are two.
import { mkdir, readdir, readFile, rm, rmdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect, onTestFinished, test } from 'vitest'

import { takeLock } from '../../../src/adapters/local-processes/lock.ts'
import { processTable } from '../../../src/adapters/local-processes/process-table.ts'
import { eventually } from '../../../src/testing/traffic-rig.ts'
import {
  answerOf,
  app,
  eventsOf,
  opened,
  otherController,
  pidOf,
  processesWith,
  runs,
  versionOf,
} from './kit.ts'

const options = { signal: AbortSignal.timeout(600_000) }

test('instances of a controller that was killed go on, and the next one watches, mends and stops them', async () => {
  const { stateDir, platform } = await opened()
  const what = versionOf()
  const controller = otherController(stateDir, what)
  const [instance] = JSON.parse(await eventually(() => controller.said[1]))
  expect(await answerOf(instance)).toBe('v1')

  await controller.kill()

  expect(await answerOf(instance)).toBe('v1')
  const events = eventsOf(platform)
  expect(await platform.start(what, options)).toEqual([instance])
  const pid = await pidOf(what.service)
  process.kill(pid, 'SIGKILL')
  await eventually(() => events.length === 2)
  expect(events).toMatchObject([
    { kind: 'exited', reason: 'v1-1 ended, and only the controller that started it could know how' },
    { kind: 'restarted', instance: { restarts: 1 } },
  ])
  expect(await pidOf(what.service)).not.toBe(pid)
  await platform.stop(what, options)
  expect(await processesWith('SLUICE_SERVICE', what.service)).toEqual([])
})

test('a process that had not yet said who it is when its controller was killed never becomes an instance', async () => {
  const { stateDir, platform } = await opened()
  const what = versionOf()
  const controller = otherController(stateDir, what, 'frozen')
  const frozen = Number(await eventually(() => controller.said[1]))
  onTestFinished(() => killed(frozen))
  await controller.kill()
  expect(await runs(frozen)).toBe(true)

  const [instance] = await platform.start(what, options)
  if (instance === undefined) throw new RangeError('one replica')
  process.kill(frozen, 'SIGCONT')

  await eventually(async () => !(await runs(frozen)))
  const pid = await pidOf(what.service)
  expect(pid).not.toBe(frozen)
  expect(await answerOf(instance)).toBe('v1')
})

test('of a controller that was killed as soon as there was a process, exactly one instance is left', async () => {
  for (let round = 0; round < 3; round++) {
    const { stateDir, platform } = await opened()
    const what = versionOf()
    const controller = otherController(stateDir, what, 'sudden')
    await eventually(() => controller.said[1])

    const [instance] = await platform.start(what, options)
    if (instance === undefined) throw new RangeError('one replica')

    await pidOf(what.service)
    expect(await answerOf(instance)).toBe('v1')
  }
})

test('whenever a controller is killed, the next start makes it exactly the replicas, and a stop none', async () => {
  const { stateDir, reopen } = await opened()
  const what = versionOf({ replicas: 3 })
  for (let round = 0; round < 5; round++) {
    const current = await reopen()
    await current.close()
    const controller = otherController(stateDir, what)
    await eventually(() => controller.said[0])
    // Somewhere between the first intent and the last process.
    await sleep(round * 20)
    await controller.kill()

    const next = await reopen()
    const instances = await next.start(what, options)
    await eventually(async () => (await processesWith('SLUICE_SERVICE', what.service)).length === 3)
    for (const instance of instances) expect(await answerOf(instance)).toBe('v1')
    await next.stop(what, options)
    await eventually(async () => (await processesWith('SLUICE_SERVICE', what.service)).length === 0)
  }
})

test('a stop that a controller had begun is brought to its end by the next one, and is no exit', async () => {
  const { stateDir, platform, reopen } = await opened()
  const what = versionOf({ env: { SIGTERM: 'ignore' }, stopGraceMs: 1_500 })
  const [instance] = await platform.start(what, options)
  if (instance === undefined) throw new RangeError('one replica')
  await answerOf(instance)
  const pid = await pidOf(what.service)
  const refused = expect(platform.stop(what, options)).rejects.toMatchObject({ code: 'PLATFORM_FAILED' })
  const record = join(stateDir, 'processes', what.service, 'v1-1.json')
  await eventually(async () => (await readFile(record, 'utf8')).includes('"wanted":"stopped"'))
  const next = await reopen()
  await refused

  const events = eventsOf(next)
  await next.list(what.service, options)
  await eventually(async () => !(await runs(pid)))

  const [again] = await next.start(what, options)
  expect(again).toMatchObject({ instance: 'v1-1', restarts: 0 })
  expect(await pidOf(what.service)).not.toBe(pid)
  expect(events).toEqual([])
})

test('of two controllers of one directory, the second is refused by name, and doubles nothing', async () => {
  const { stateDir, platform } = await opened()
  const what = versionOf()
  const controller = otherController(stateDir, what)
  await eventually(() => controller.said[1])

  await expect(platform.start(what, options)).rejects.toMatchObject({
    code: 'PLATFORM_FAILED',
    message: expect.stringContaining(`process ${controller.pid}`),
  })

  await pidOf(what.service)
  await controller.kill()
  expect(await platform.list(what.service, options)).toHaveLength(1)
})

test('of many who want the lock of one who died, one gets it; and the next one, when it is given back', async () => {
  const { stateDir } = await opened()
  const dir = join(stateDir, 'lock')
  const table = processTable()
  const gone = { pid: process.pid, start: 'long ago', machine: await table.machine() }
  await takeLock(dir, table)
  for (let round = 1; round <= 20; round++) {
    const [file = ''] = await readdir(dir)
    await writeFile(join(dir, file), JSON.stringify(gone))
    const taken = await Promise.all(Array.from({ length: 8 }, async () => takeLock(dir, table)))

    const [lock, ...others] = taken.filter((each) => typeof each === 'object')
    expect(others).toEqual([])
    expect(await takeLock(dir, table)).toBe(process.pid)
    await lock?.release()
    const next = await takeLock(dir, table)
    expect(next).toBeTypeOf('object')
    expect((await readdir(dir)).length).toBe(1)
  }
})

test('a process that has an instance’s old pid is not taken for it, and not touched', async () => {
  const { stateDir, platform, reopen } = await opened()
  const what = versionOf()
  const [instance] = await platform.start(what, options)
  if (instance === undefined) throw new RangeError('one replica')
  await answerOf(instance)
  const stranger = await pidOf(what.service)
  onTestFinished(() => killed(stranger))
  await platform.close()
  await inTicket(join(stateDir, 'processes', what.service), 'start', (text) =>
    text.replace(/\d+(?=( \S+){30}$)/m, '1'),
  )

  const next = await reopen()
  const events = eventsOf(next)
  const before = await next.start(what, options)
  await eventually(() => events.length === 2)

  expect(events.map(({ kind, reason }) => `${kind}: ${reason}`)).toEqual([
    'exited: v1-1 ended while no controller was there',
    'restarted: v1-1 was started again, restart 1',
  ])
  expect(before[0]?.url).toBe(events[1]?.instance.url)
  await next.stop(what, options)
  expect(await processesWith('SLUICE_SERVICE', what.service)).toEqual([stranger])
})

test('a start that a controller was killed in is forgotten, but a restart is made up for', async () => {
  const { stateDir, platform, reopen } = await opened()
  const [first, second] = [versionOf(), versionOf()]
  await platform.start(first, options)
  await platform.start(second, options)
  await platform.close()
  for (const [restarts, { service }] of [first, second].entries()) {
    killed(await pidOf(service))
    const dir = join(stateDir, 'processes', service)
    const { ticket, ...record } = JSON.parse(await readFile(join(dir, 'v1-1.json'), 'utf8'))
    await rm(join(dir, ticket, 'used'))
    await writeFile(join(dir, 'v1-1.json'), JSON.stringify({ ...record, ticket, restarts }))
  }

  const next = await reopen()
  const events = eventsOf(next)
  expect(await next.list(first.service, options)).toEqual([])
  expect(await next.list(second.service, options)).toEqual([])

  const restarted = await eventually(() => events[0])
  expect(restarted).toMatchObject({ kind: 'restarted', instance: { service: second.service, restarts: 2 } })
  expect(await answerOf(restarted.instance)).toBe('v1')
  expect(await readdir(join(stateDir, 'processes', first.service))).toEqual([])
})

test('what ran before the machine was started anew is not looked for among the processes of now', async () => {
  const { stateDir, platform, reopen } = await opened()
  const what = versionOf()
  await platform.start(what, options)
  const stranger = await pidOf(what.service)
  onTestFinished(() => killed(stranger))
  await platform.close()
  await inTicket(join(stateDir, 'processes', what.service), 'machine', () => 'another life')

  const next = await reopen()
  expect(await next.list(what.service, options)).toEqual([])
  await next.stop(what, options)

  expect(await processesWith('SLUICE_SERVICE', what.service)).toEqual([stranger])
})

test('a directory that could not be taken over at first is taken over once', async () => {
  const { stateDir, platform, reopen } = await opened({ restartDelay: '300ms' })
  const what = versionOf({ replicas: 2 })
  await platform.start(what, options)
  await platform.close()
  const dir = join(stateDir, 'processes', what.service)
  const [died, unreadable] = await Promise.all(
    ['v1-1', 'v1-2'].map(
      async (name) => JSON.parse(await readFile(join(dir, `${name}.json`), 'utf8')).ticket,
    ),
  )
  killed(Number.parseInt(await readFile(join(dir, died, 'start'), 'utf8')))
  const used = join(dir, unreadable, 'used')
  await rm(used)
  await mkdir(used)

  const next = await reopen()
  const events = eventsOf(next)
  for (let i = 0; i < 2; i++)
    await expect(next.list(what.service, options)).rejects.toMatchObject({ code: 'PLATFORM_FAILED' })
  await rmdir(used)
  await writeFile(used, '')
  await next.list(what.service, options)

  // Whatever else had meant to start the first one again would have done so before this one is.
  const control = { ...versionOf({ command: ['sh', '-c', 'exit 1'] }), service: what.service, version: 'v2' }
  const restarts = (version: string): number =>
    events.filter(({ kind, instance }) => kind === 'restarted' && instance.version === version).length
  await eventually(() => restarts('v1') > 0)
  await next.start(control, options)
  await eventually(() => restarts('v2') > 0)
  await next.stop(control, options)
  expect(await processesWith('SLUICE_SERVICE', what.service)).toHaveLength(2)
  expect(restarts('v1')).toBe(1)
})

test.each(['truncated', 'foreign'])(
  'what belongs to a %s record is ended, and started afresh',
  async (how) => {
    const { stateDir, platform, reopen } = await opened()
    const what = versionOf()
    await platform.start(what, options)
    const pid = await pidOf(what.service)
    await platform.close()
    const record = join(stateDir, 'processes', what.service, 'v1-1.json')
    if (how === 'truncated') await truncate(record, 40)
    else await writeFile(record, '{"__proto__":{"wanted":"running"},"run":[]}')

    const next = await reopen()
    const [instance] = await next.start(what, options)
    if (instance === undefined) throw new RangeError('one replica')

    expect(await runs(pid)).toBe(false)
    await pidOf(what.service)
    expect(await answerOf(instance)).toBe('v1')
  },
)

test('a closed platform refuses every call, leaves its instances running and may be closed again', async () => {
  const { platform } = await opened()
  const what = versionOf({ command: app.command })
  const [instance] = await platform.start(what, options)
  if (instance === undefined) throw new RangeError('one replica')
  let isComplete = false
  platform.events$.subscribe({ complete: () => (isComplete = true) })

  await platform.close()
  await platform.close()

  const calls = [
    platform.start(what, options),
    platform.stop(what, options),
    platform.list(what.service, options),
    platform.stopAll({ service: what.service }),
  ]
  for (const end of await Promise.allSettled(calls)) {
    expect(end).toMatchObject({ status: 'rejected', reason: { code: 'PLATFORM_FAILED' } })
  }
  expect(isComplete).toBe(true)
  expect(await answerOf(instance)).toBe('v1')
})

test('stopAll ends one service, or all of them, whoever started them', async () => {
  const { platform, reopen } = await opened()
  const [a, b, c] = [versionOf(), versionOf({ replicas: 2 }), versionOf()]
  for (const each of [a, b, c]) await platform.start(each, options)
  await platform.start({ ...b, version: 'v2' }, options)
  const next = await reopen()

  await next.stopAll({ service: a.service })
  expect(await processesWith('SLUICE_SERVICE', a.service)).toEqual([])
  expect(await processesWith('SLUICE_SERVICE', b.service)).toHaveLength(4)

  await next.stopAll()
  for (const { service } of [b, c]) {
    expect(await processesWith('SLUICE_SERVICE', service)).toEqual([])
    expect(await next.list(service, options)).toEqual([])
  }
})

/** Rewrites a file of the one ticket in a service’s directory. */
async function inTicket(dir: string, file: string, change: (text: string) => string): Promise<void> {
  const [ticket, ...others] = (await readdir(dir)).filter((entry) => entry.endsWith('.ticket'))
  if (ticket === undefined || others.length > 0) throw new RangeError('one ticket')
  const path = join(dir, ticket, file)
  const text = await readFile(path, 'utf8')
  const changed = change(text)
  if (changed === text) throw new RangeError('nothing was changed')
  await writeFile(path, changed)
}

function killed(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}
