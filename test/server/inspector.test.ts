import { createInspector, type StatelyInspectionEvent } from '@statelyai/inspect'
import { describe, expect, test, vi } from 'vitest'
import { assign, createActor, createMachine } from 'xstate'

import { UsageError } from '../../src/errors.ts'
import { canary, canaryMachine, strategies } from '../../src/machines/index.ts'
import { type StatelyInspector, statelyInspector } from '../../src/server/inspector.ts'
import { shownContext } from '../../src/server/redact.ts'
import { pipelineInput, releaseInput, rollbackInput, smokeInput } from '../../src/testing/inputs.ts'
import { eventually } from '../../src/testing/traffic-rig.ts'
import { client } from '../client/kit.ts'
import { raw } from './ask.ts'
import { canaryIn, journal, rig, served } from './kit.ts'

const TOKEN = 'a-token-of-some-length'

/** A message as the page receives it. */
type Seen = Record<string, unknown> & {
  readonly type: string
  readonly sessionId: string
  readonly definition?: string
  readonly snapshot?: {
    readonly value: unknown
    readonly status: string
    readonly context: Record<string, unknown>
  }
  readonly event?: { readonly type: string }
}

describe('somebody who looks', () => {
  test('sees the machine of a rollout as it is written, with guards and descriptions', async () => {
    const { engine, world, look } = await inspected()
    const id = await canaryIn({ engine, world }, 'monitoring')
    const [actor] = await (await look()).until((seen) => seen.length > 0)
    expect(actor).toMatchObject({ type: '@xstate.actor', name: `${id} (canary)`, sessionId: id, rootId: id })
    const definition: unknown = JSON.parse(actor?.definition ?? '')
    expect(definition).toEqual(plain(canaryMachine.config))
    expect(actor?.definition).toContain('"guard":"isOurs"')
    expect(actor?.definition).toContain('"description":"it runs and is healthy"')
  })

  test('sees every machine of ours whole, and one that is deeper than any of them', async () => {
    const { inspector, look } = await relay()
    const deep = createMachine(nested(15))
    const machines = [...Object.values(strategies).map(({ machine }) => machine), deep]
    for (const machine of machines) {
      inspector.started({ id: machine.id, parent: null, machine, snapshot: createActor(deep).getSnapshot() })
    }
    const seen = await (await look()).until((all) => all.length === machines.length)
    for (const [i, { config }] of machines.entries()) {
      expect(JSON.parse(seen[i]?.definition ?? '')).toEqual(plain(config))
    }
  })

  test('late, after many steps, sees where it is now', async () => {
    const { engine, world, look } = await inspected()
    await canaryIn({ engine, world }, 'promoted')
    const id = await canaryIn({ engine, world }, 'monitoring', 'v2')
    for (let i = 0; i < 200; i++) {
      await engine.send(id, { type: 'pause.requested' })
      await engine.send(id, { type: 'resume.requested' })
    }
    await engine.send(id, { type: 'pause.requested', reason: 'the last one' })
    const viewer = await look()
    const seen = await viewer.until((all) =>
      all.some(({ sessionId, snapshot }) => sessionId === id && snapshot?.value === 'paused'),
    )
    expect(seen.filter(({ sessionId, type }) => sessionId === id && type === '@xstate.actor')).toHaveLength(1)
    expect(seen.length).toBeLessThan(20)
  })

  test('sees each event, and what it led to, as it happens', async () => {
    const { engine, world, look } = await inspected()
    const viewer = await look()
    const id = await canaryIn({ engine, world }, 'promoted')
    const seen = await viewer.until((all) => all.at(-1)?.snapshot?.value === 'promoted')
    const journalled: string[] = []
    const head = await engine.head()
    for await (const said of engine.events({ since: 0 })) {
      if ('event' in said) journalled.push(`${said.event.type} → ${said.state}`)
      if ('event' in said && said.cursor === head) break
    }
    const steps = seen.filter(({ type }) => type === '@xstate.snapshot')
    expect(seen[0]).toMatchObject({ type: '@xstate.actor', sessionId: id })
    expect(steps.map(({ event, snapshot }) => `${event?.type} → ${String(snapshot?.value)}`)).toEqual(
      journalled.slice(1),
    )
    expect(steps.at(-1)?.snapshot?.status).toBe('done')
  })

  test('sees a rollout that goes on after a restart, once something happens to it', async () => {
    const first = await rig()
    await canaryIn(first, 'promoted')
    const id = await canaryIn(first, 'monitoring', 'v2')
    const inspector = await statelyInspector()
    const again = await first.world.controller({ inspector })
    const { url } = await served(again.engine, { inspector })
    await again.engine.send(id, { type: 'pause.requested' })
    const seen = await (
      await viewerOf(url)
    ).until((all) => all.some(({ type }) => type === '@xstate.snapshot'))
    expect(seen[0]).toMatchObject({
      type: '@xstate.actor',
      sessionId: id,
      definition: expect.stringContaining('staging'),
    })
    expect(seen.at(-1)?.snapshot?.value).toBe('paused')
    again.crash()
  })

  test('sees children below the rollout that started them', async () => {
    const { inspector, look } = await relay()
    const { snapshot } = canary.start(INPUT)
    inspector.started({ id: 'shop-1', parent: null, machine: canaryMachine, snapshot })
    inspector.started({ id: 'shop-1/deploy/1', parent: 'shop-1', machine: canaryMachine, snapshot })
    inspector.stepped({ id: 'shop-2/smoke/3', event: { type: 'pause.requested' }, snapshot })
    const seen = await (await look()).until((all) => all.some(({ type }) => type === '@xstate.snapshot'))
    const actors = seen.filter(({ type }) => type === '@xstate.actor')
    expect(actors.map(({ sessionId, parentId, rootId }) => [sessionId, parentId, rootId])).toEqual([
      ['shop-1', undefined, 'shop-1'],
      ['shop-1/deploy/1', 'shop-1', 'shop-1'],
      ['shop-2/smoke/3', 'shop-2', 'shop-2'],
    ])
  })

  test('sees the newest rollouts that have ended, and not all there ever were', async () => {
    const { inspector, look } = await relay()
    const { snapshot } = canary.start(INPUT)
    inspector.started({ id: 'live', parent: null, machine: canaryMachine, snapshot })
    for (let i = 1; i <= 50; i++) {
      inspector.started({ id: `shop-${i}`, parent: null, machine: canaryMachine, snapshot })
      inspector.ended(`shop-${i}`)
    }
    inspector.started({ id: 'newest', parent: null, machine: canaryMachine, snapshot })
    const before = await look()
    await before.until((all) => all.some(({ sessionId }) => sessionId === 'newest'))
    const seen = await (await look()).until((all) => all.some(({ sessionId }) => sessionId === 'newest'))
    const ids = seen.map(({ sessionId }) => sessionId)
    expect(ids).toEqual(['live', ...Array.from({ length: 20 }, (_, i) => `shop-${31 + i}`), 'newest'])
  })

  test('and never reads is dropped', async () => {
    const { inspector, url } = await relay()
    const { snapshot } = canary.start(INPUT)
    const deaf = await raw(url, 'GET /inspect/events HTTP/1.1\r\nhost: localhost\r\n\r\n')
    const dropped = new Promise((resolve) => deaf.on('close', resolve))
    const reason = 'x'.repeat(3_900)
    for (let i = 0; i < 40; i++) {
      for (let j = 0; j < 100; j++)
        inspector.stepped({ id: 'shop-1', event: { type: 'pause.requested', reason }, snapshot })
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    deaf.resume()
    await dropped
  })
})

describe('what is sent', () => {
  test('has the form that the inspector itself gives to live actors', async () => {
    const live: StatelyInspectionEvent[] = []
    const stately = createInspector({ send: (message) => live.push(message) })
    const actor = createActor(canaryMachine, { input: INPUT, inspect: stately.inspect })
    actor.start()
    actor.send({ type: 'pause.requested' })
    await eventually(() => live.length >= 5)

    const { inspector, look } = await relay()
    const { snapshot } = canary.start(INPUT)
    inspector.started({ id: 'shop-1', parent: null, machine: canaryMachine, snapshot })
    const viewer = await look()
    await viewer.until((all) => all.length === 1)
    inspector.stepped({ id: 'shop-1', event: { type: 'pause.requested' }, snapshot })
    const seen = await viewer.until((all) => all.length === 3)

    for (const type of ['@xstate.actor', '@xstate.event', '@xstate.snapshot'] as const) {
      const ours = seen.find((message) => message.type === type)
      const theirs = JSON.parse(JSON.stringify(live.find((message) => message.type === type)))
      expect(ours).toBeDefined()
      expect(Object.keys(ours ?? {}).toSorted()).toEqual(Object.keys(theirs).toSorted())
      expect(ours).toMatchObject({ _version: '0.7.2', createdAt: expect.stringMatching(/^\d+$/), id: null })
      const { snapshot: of } = theirs
      if (of !== undefined)
        expect(Object.keys(of)).toEqual(expect.arrayContaining(Object.keys(ours?.snapshot ?? {})))
    }
  })

  test('holds all that our own machines know, for none of it is a secret', () => {
    const begun = [
      strategies.canary.start(INPUT),
      strategies['blue-green'].start(releaseInput({ environment: 'blue' })),
      strategies.rollback.start(rollbackInput()),
      strategies.smoke.start(smokeInput()),
      strategies.pipeline.start(pipelineInput()),
    ]
    for (const { snapshot } of begun) expect(shownContext(snapshot.context)).toEqual(snapshot.context)
  })

  test('holds no secret of a context, of its beginning, of an event or of how a version is run', async () => {
    const { engine, world, url, inspector, look } = await inspected()
    const viewer = await look()
    await canaryIn({ engine, world }, 'promoted')
    const secrets = {
      password: 'hunter2',
      spec: { run: { env: { KEY: 'hunter2' } } },
      steps: [{ env: 'hunter2', weight: 1 }],
    }
    const machine = createMachine({
      id: 'leaky',
      context: { ...secrets, version: 'v1', reason: 'as said: token=hunter2' },
      initial: 'one',
      states: { one: { on: { 'pause.requested': { actions: assign({ password: () => 'hunter2, too' }) } } } },
    })
    const actor = createActor(machine).start()
    inspector.started({ id: 'leaky-1', parent: null, machine, snapshot: actor.getSnapshot() })
    actor.send({ type: 'pause.requested' })
    const reason = 'see https://me:hunter2@example.test/?token=hunter2'
    inspector.stepped({
      id: 'leaky-1',
      event: { type: 'pause.requested', reason },
      snapshot: actor.getSnapshot(),
    })
    await viewer.until((all) =>
      all.some(({ type, sessionId }) => type === '@xstate.snapshot' && sessionId === 'leaky-1'),
    )
    const late = await viewerOf(url)
    await late.until((all) => all.some(({ sessionId }) => sessionId === 'leaky-1'))
    const [shown] = viewer.seen().filter(({ sessionId }) => sessionId === 'leaky-1')
    expect(shown?.snapshot?.context).toEqual({
      version: 'v1',
      reason: 'as said: token=[redacted]',
      steps: [{ weight: 1 }],
    })
    for (const sent of [viewer.text(), late.text()]) {
      expect(sent).toContain('leaky')
      expect(sent).not.toMatch(/hunter2|SHOP_PASSWORD|PASSWORD/)
    }
  })
})

describe('the inspector', () => {
  test('shows nothing to whoever has no token, but its empty page', async () => {
    const inspector = await statelyInspector()
    const { url } = await served(journal().view, { inspector, token: TOKEN })
    expect((await fetch(`${url}/inspect/events`)).status).toBe(401)
    expect((await fetch(`${url}/inspect`)).status).toBe(200)
    const headers = { authorization: `Bearer ${TOKEN}` }
    const stop = new AbortController()
    expect((await fetch(`${url}/inspect/events`, { headers, signal: stop.signal })).status).toBe(200)
    stop.abort()
  })

  test('changes nothing about a rollout that it watches', async () => {
    const near = await rig()
    const far = await inspected()
    await canaryIn(near, 'promoted')
    await canaryIn(far, 'promoted')
    expect(await client(far.url).services()).toEqual(near.engine.services())
  })

  test.each(['http://stately.ai/inspect', 'javascript:alert(1)', 'nowhere'])(
    'opens no page at %s',
    async (ui) => {
      await expect(statelyInspector({ ui })).rejects.toThrow(UsageError)
    },
  )

  test('says what to install when it is not there', async () => {
    vi.resetModules()
    vi.doMock('@statelyai/inspect', () => {
      throw new Error('Cannot find package')
    })
    const fresh = await import('../../src/server/inspector.ts')
    await expect(fresh.statelyInspector()).rejects.toMatchObject({
      code: 'UNBOUND_NAME',
      hint: 'Run: npm install @statelyai/inspect',
    })
    vi.doUnmock('@statelyai/inspect')
    vi.resetModules()
  })
})

const INPUT = releaseInput()

interface Nested {
  readonly id: string
  readonly description: string
  readonly initial?: string
  readonly states?: Record<string, Nested>
}

/** States within states. */
function nested(depth: number): Nested {
  const id = `s${depth}`
  const description = `${depth} more within`
  return depth === 0
    ? { id, description }
    : { id, description, initial: 'in', states: { in: nested(depth - 1) } }
}

/** A config as JSON has it, functions by their names. */
function plain({ context: _, ...config }: Record<string, unknown>): unknown {
  return JSON.parse(
    JSON.stringify(config, (_key, value: unknown) =>
      typeof value === 'function' ? { type: value.name } : value,
    ),
  )
}

/** A real engine with an inspector that is served. */
async function inspected() {
  const inspector = await statelyInspector()
  const opened = await rig({ inspector, watching: { inspector } })
  return { ...opened, inspector, look: async () => viewerOf(opened.url) }
}

/** An inspector that is served, and told what the test says. */
async function relay(): Promise<{ inspector: StatelyInspector; url: string; look: () => Promise<Viewer> }> {
  const inspector = await statelyInspector()
  const { url } = await served(journal().view, { inspector })
  return { inspector, url, look: async () => viewerOf(url) }
}

interface Viewer {
  seen(): readonly Seen[]
  text(): string
  until(holds: (seen: readonly Seen[]) => boolean): Promise<readonly Seen[]>
}

async function viewerOf(url: string): Promise<Viewer> {
  const socket = await raw(url, 'GET /inspect/events HTTP/1.0\r\nhost: localhost\r\n\r\n')
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  socket.resume()
  const seen = (): readonly Seen[] =>
    text
      .slice(0, text.lastIndexOf('\n\n') + 1)
      .split('\n')
      .flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6)) as Seen] : []))
  await eventually(() => text.includes('retry: '))
  return { seen, text: () => text, until: async (holds) => eventually(() => holds(seen()) && seen()) }
}
