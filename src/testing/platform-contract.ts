import { randomUUID } from 'node:crypto'

import { firstValueFrom } from 'rxjs'
import { describe, expect, onTestFinished, test } from 'vitest'

import type { Deployable, Instance, InstanceEvent, Platform, RunSpec } from '../engine/ports.ts'
import { eventually } from './traffic-rig.ts'

/** A platform that runs nothing yet, ended with everything it started when the test ends. */
export interface PlatformUnderTest extends AsyncDisposable {
  readonly platform: Platform
  /** Lets go of the platform without stopping anything, and opens it anew, as the next controller does. */
  readonly reopen: () => Promise<Platform>
  /**
   * How to run an HTTP server that answers `/` with the name of its version and `/env/NAME` with what that environment
   * variable holds, or 404; and that ends with code N, without an answer, when asked for `/exit/N`.
   */
  readonly run: RunSpec
}

type Open = () => Promise<PlatformUnderTest>

/**
 * What every Platform promises, checked with real servers. Adapter authors call it in a vitest test file of their own;
 * `open` gives a platform that runs nothing. Nothing in it is about speed.
 */
export function platformContract(name: string, open: Open): void {
  describe(`${name} keeps the Platform contract`, () => {
    starts(open)
    fills(open)
    stops(open)
    outlives(open)
    mends(open)
    givesUp(open)
  })
}

function starts(open: Open): void {
  test('each instance of a started version answers with the version’s own name', async () => {
    const rig = await rigOf(open)
    const started = await rig.start('v1', { replicas: 2 })

    expect(started).toHaveLength(2)
    expect(new Set(started.map(({ instance }) => instance)).size).toBe(2)
    expect(new Set(started.map(({ url }) => url)).size).toBe(2)
    for (const instance of started) {
      expect(instance).toMatchObject({ service: rig.service, version: 'v1', restarts: 0 })
      expect(await answerOf(instance)).toBe('v1')
    }
  })

  test('what was started is listed, by service', async () => {
    const rig = await rigOf(open)
    const started = [...(await rig.start('v1')), ...(await rig.start('v2', { replicas: 2 }))]
    expect(byName(await rig.list())).toEqual(byName(started))
    expect(await rig.under.platform.list('nobody', rig.options)).toEqual([])
  })

  test('what runs already is found again, not doubled', async () => {
    const rig = await rigOf(open)
    const started = await rig.start('v1', { replicas: 2 })
    expect(await rig.start('v1', { replicas: 2 })).toEqual(started)

    const both = await Promise.all([rig.start('v2'), rig.start('v2')])

    expect(both[0]).toEqual(both[1])
    expect(await rig.list()).toHaveLength(3)
  })

  test('a start with other replicas adds what is missing and takes away what is too many', async () => {
    const rig = await rigOf(open)
    const one = await rig.start('v1')
    const three = await rig.start('v1', { replicas: 3 })
    expect(three).toHaveLength(3)
    expect(three).toEqual(expect.arrayContaining([...one]))

    const two = await rig.start('v1', { replicas: 2 })

    expect(two).toHaveLength(2)
    expect(three).toEqual(expect.arrayContaining([...two]))
    expect(byName(await rig.list())).toEqual(byName(two))
    for (const instance of two) expect(await answerOf(instance)).toBe('v1')
  })

  test('versions do not disturb one another', async () => {
    const rig = await rigOf(open)
    const [v1] = [await rig.startOne('v1'), await rig.startOne('v2')]
    await rig.stop('v2')
    expect(await rig.list()).toEqual([v1])
    expect(await answerOf(v1)).toBe('v1')
  })
}

function fills(open: Open): void {
  test('version, service and instance are filled in', async () => {
    const rig = await rigOf(open)
    const env = { WHO: '{service}/{version}/{instance}' }
    const [first, second] = await rig.start('v1', { replicas: 2, env })
    for (const instance of [first, second]) {
      if (instance === undefined) throw new RangeError('two instances')
      expect(await answerOf(instance, '/env/WHO')).toBe(`${rig.service}/v1/${instance.instance}`)
    }
  })

  test('a reference in the environment is what it stands for', async () => {
    const rig = await rigOf(open)
    const value = randomUUID()
    const name = variable(value)
    const instance = await rig.startOne('v1', { env: { OWN: `env:${name}` } })
    expect(await answerOf(instance, '/env/OWN')).toBe(value)
  })

  test('of the controller’s environment an instance gets nothing that could be a secret', async () => {
    const rig = await rigOf(open)
    const name = variable(randomUUID())
    const instance = await rig.startOne('v1')
    expect(await answerOf(instance, '/')).toBe('v1')
    expect((await fetch(`${instance.url}/env/${name}`)).status).toBe(404)
  })

  test('a reference that can’t be resolved is refused by name, and nothing is started', async () => {
    const rig = await rigOf(open)
    const start = rig.start('v1', { replicas: 2, env: { OWN: 'env:SLUICE_TEST_NOT_SET' } })
    await expect(start).rejects.toMatchObject({
      name: 'UsageError',
      code: 'UNBOUND_NAME',
      message: expect.stringContaining('SLUICE_TEST_NOT_SET'),
    })
    expect(await rig.list()).toEqual([])
  })

  test.each(['../v1', '', 'v1/..', 'v\n1', 'x'.repeat(1_000)])('%j is no version', async (version) => {
    const rig = await rigOf(open)
    const mistake = { name: 'UsageError', code: 'ARGUMENT_INVALID' }
    await expect(rig.start(version)).rejects.toMatchObject(mistake)
    await expect(rig.stop(version)).rejects.toMatchObject(mistake)
  })
}

function stops(open: Open): void {
  test('a stopped version answers no more and is not listed', async () => {
    const rig = await rigOf(open)
    const started = await rig.start('v1', { replicas: 2 })
    for (const instance of started) await answerOf(instance)

    await rig.stop('v1')

    expect(await rig.list()).toEqual([])
    for (const { url } of started) await expect(fetch(url)).rejects.toThrow('fetch failed')
  })

  test('stopping again, and stopping what never ran, is harmless', async () => {
    const rig = await rigOf(open)
    await rig.start('v1')
    await Promise.all([rig.stop('v1'), rig.stop('v1')])
    await rig.stop('v1')
    await rig.stop('v9')
    expect(await rig.list()).toEqual([])
  })

  test('a stopped version can be started again', async () => {
    const rig = await rigOf(open)
    await rig.start('v1')
    await rig.stop('v1')
    expect(await answerOf(await rig.startOne('v1'))).toBe('v1')
  })

  test('a stop that comes while a start goes on leaves nothing of it', async () => {
    const rig = await rigOf(open)
    const start = rig.start('v1', { replicas: 3 })
    await rig.stop('v1')
    const started = await start
    expect(await rig.list()).toEqual([])
    for (const { url } of started) await expect(fetch(url)).rejects.toThrow('fetch failed')
  })

  test('a stop is no unplanned exit', async () => {
    const rig = await rigOf(open)
    await answerOf(await rig.startOne('v1'))
    const crashing = await rig.startOne('v2')
    await rig.stop('v1')
    await crash(crashing)
    await eventually(() => rig.events.some(({ kind }) => kind === 'restarted'))
    expect(rig.events.filter(({ instance }) => instance.version === 'v1')).toEqual([])
  })
}

function outlives(open: Open): void {
  test('the next controller finds what runs, and can stop it', async () => {
    const rig = await rigOf(open)
    const started = await rig.start('v1', { replicas: 2 })
    for (const instance of started) await answerOf(instance)

    const next = await rig.reopen()

    expect(byName(await next.list(rig.service, rig.options))).toEqual(byName(started))
    expect(await next.start(rig.deployable('v1', { replicas: 2 }), rig.options)).toEqual(started)
    for (const instance of started) expect(await answerOf(instance)).toBe('v1')
    await next.stop({ service: rig.service, version: 'v1' }, rig.options)
    expect(await next.list(rig.service, rig.options)).toEqual([])
    for (const { url } of started) await expect(fetch(url)).rejects.toThrow('fetch failed')
  })

  test('the next controller tells of exits, and mends them', async () => {
    const rig = await rigOf(open)
    const instance = await rig.startOne('v1')
    const next = await rig.reopen()
    expect(await next.list(rig.service, rig.options)).toEqual([instance])

    await crash(instance)

    await toldAndMended(rig, instance)
  })

  test('an exit that no controller saw is told by the next one, and mended', async () => {
    const rig = await rigOf(open)
    const instance = await rig.startOne('v1')

    const next = await rig.reopen(async () => crash(instance))
    await next.list(rig.service, rig.options)

    await toldAndMended(rig, instance)
  })
}

function mends(open: Open): void {
  test('an unplanned exit is told with its reason, and mended under the same name', async () => {
    const rig = await rigOf(open)
    const [instance, other] = await rig.start('v1', { replicas: 2 })
    if (instance === undefined || other === undefined) throw new RangeError('two instances')
    await answerOf(other)

    await crash(instance, 7)

    await toldAndMended(rig, instance)
    expect(rig.events[0]?.reason).toMatch(/\b7\b/)
    expect(await rig.list()).toHaveLength(2)
    expect(rig.events.filter((event) => event.instance.instance === other.instance)).toEqual([])
    expect(await answerOf(other)).toBe('v1')
  })

  test('one who begins to listen late hears only of what happens from then on', async () => {
    const rig = await rigOf(open)
    const first = await rig.startOne('v1')
    const second = await rig.startOne('v2')
    await crash(first)
    await eventually(() => rig.events.some(({ kind }) => kind === 'restarted'))

    const heard = firstValueFrom(rig.under.platform.events$)
    await crash(second)
    expect((await heard).instance.version).toBe('v2')
  })
}

function givesUp(open: Open): void {
  test('a call that was given up rejects with the reason, and starts nothing', async () => {
    const rig = await rigOf(open)
    const given = { signal: AbortSignal.abort(new Error('never mind')) }
    const { platform } = rig.under
    await expect(platform.start(rig.deployable('v1'), given)).rejects.toThrow('never mind')
    await expect(platform.list(rig.service, given)).rejects.toThrow('never mind')
    await expect(platform.stop({ service: rig.service, version: 'v1' }, given)).rejects.toThrow('never mind')
    expect(await rig.list()).toEqual([])
  })

  test('giving up a call ends the wait for it, and what was begun does no harm to the next one', async () => {
    const rig = await rigOf(open)
    const abort = new AbortController()
    const start = rig.under.platform.start(rig.deployable('v1', { replicas: 3 }), abort)
    abort.abort(new Error('never mind'))
    await expect(start).rejects.toThrow('never mind')

    const started = await rig.start('v1', { replicas: 3 })

    expect(byName(await rig.list())).toEqual(byName(started))
    expect(started).toHaveLength(3)
    await rig.stop('v1')
    expect(await rig.list()).toEqual([])
  })
}

/** A platform with a service of its own, and what was heard of it. */
class PlatformRig {
  readonly under: PlatformUnderTest
  readonly service = `shop-${randomUUID().slice(0, 8)}`
  readonly options = { signal: AbortSignal.timeout(60_000) }
  readonly events: InstanceEvent[] = []

  constructor(under: PlatformUnderTest) {
    this.under = under
    this.#listen(under.platform)
  }

  deployable(version: string, run: Partial<RunSpec> = {}): Deployable {
    const env = { ...this.under.run.env, ...run.env }
    return { service: this.service, version, run: { ...this.under.run, ...run, env } }
  }

  async start(version: string, run: Partial<RunSpec> = {}): Promise<readonly Instance[]> {
    return this.under.platform.start(this.deployable(version, run), this.options)
  }

  async startOne(version: string, run: Partial<RunSpec> = {}): Promise<Instance> {
    const [only] = await this.start(version, { ...run, replicas: 1 })
    if (only === undefined) throw new RangeError('one replica is one instance')
    return only
  }

  async stop(version: string): Promise<void> {
    await this.under.platform.stop({ service: this.service, version }, this.options)
  }

  async list(): Promise<readonly Instance[]> {
    return this.under.platform.list(this.service, this.options)
  }

  /** The next controller's platform, after what happened while there was none. */
  async reopen(meanwhile: () => Promise<void> = async () => {}): Promise<Platform> {
    await meanwhile()
    this.events.length = 0
    const next = await this.under.reopen()
    this.#listen(next)
    return next
  }

  #listen(platform: Platform): void {
    const listening = platform.events$.subscribe((event) => this.events.push(event))
    onTestFinished(() => listening.unsubscribe())
  }
}

async function rigOf(open: Open): Promise<PlatformRig> {
  const under = await open()
  onTestFinished(async () => under[Symbol.asyncDispose]())
  return new PlatformRig(under)
}

/** First that it ended, then that it runs again: under its name, and so that it answers. */
async function toldAndMended({ events }: PlatformRig, { instance, version }: Instance): Promise<void> {
  const restarted = await eventually(() => events.find(({ kind }) => kind === 'restarted'))
  expect(events.map(({ kind }) => kind)).toEqual(['exited', 'restarted'])
  for (const event of events) expect(event.instance).toMatchObject({ instance, version })
  expect(events[0]?.instance.restarts).toBe(0)
  expect(restarted.instance.restarts).toBe(1)
  expect(await answerOf(restarted.instance)).toBe(version)
}

/** What an instance answers, once it does. */
async function answerOf({ url }: Instance, path = '/'): Promise<string> {
  return eventually(async () => {
    const answer = await fetch(url + path).catch(() => undefined)
    return answer?.ok === true ? answer.text() : undefined
  })
}

/** Makes an instance end by itself, once it answers. */
async function crash(instance: Instance, code = 1): Promise<void> {
  await answerOf(instance)
  await expect(fetch(`${instance.url}/exit/${code}`)).rejects.toThrow('fetch failed')
}

/** Sets a variable of the controller for as long as the test runs; its name. */
function variable(value: string): string {
  const name = `SLUICE_TEST_${randomUUID().replaceAll('-', '_')}`
  process.env[name] = value
  onTestFinished(() => void delete process.env[name])
  return name
}

function byName(instances: readonly Instance[]): readonly Instance[] {
  return instances.toSorted((a, b) => a.instance.localeCompare(b.instance))
}
