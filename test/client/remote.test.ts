import type { ServerResponse } from 'node:http'
import { join } from 'node:path'

import { firstValueFrom, lastValueFrom, toArray } from 'rxjs'
import { Agent, fetch as undiciFetch } from 'undici'
import { describe, expect, test } from 'vitest'

import { sqliteStore } from '../../src/adapters/sqlite-store/index.ts'
import type { Fetch } from '../../src/client/http.ts'
import { AdapterError, connect, type Envelope, type RolloutView, UsageError } from '../../src/client/index.ts'
import { Engine } from '../../src/engine/engine.ts'
import { serve } from '../../src/server/index.ts'
import { SimulatedWorld } from '../../src/testing/simulated/world.ts'
import { eventually } from '../../src/testing/traffic-rig.ts'
import { canaryIn, canarySpec, directory, journal, rig, served, until } from '../server/kit.ts'
import { client, nowhere, opened, stranger } from './kit.ts'

const TOKEN = 'a-token-of-some-length'

describe('a client sees what a program in process sees', () => {
  test('every event from now on', async () => {
    const { engine, world, url } = await rig()
    await canaryIn({ engine, world }, 'promoted')
    const near: Envelope[] = []
    const far: Envelope[] = []
    const remote = client(url)
    remote.events$.subscribe((envelope) => far.push(envelope))
    await opened(remote)
    engine.events$.subscribe((envelope) => near.push(envelope))

    await canaryIn({ engine, world }, 'promoted', 'v2')

    await eventually(() => far.length === near.length)
    expect(far).toEqual(near)
    expect(far.length).toBeGreaterThan(5)
  })

  test('each view of a rollout until its end, and the end', async () => {
    const { engine, world, url } = await rig()
    const id = await engine.start(canarySpec('v1'))
    const far: RolloutView[] = []
    const ended = lastValueFrom(client(url).state$(id).pipe(toArray()))
    client(url)
      .state$(id)
      .subscribe((view) => far.push(view))
    await eventually(() => far.length === 1)

    await until({ engine, world }, id, 'promoted')

    expect((await ended).at(-1)).toEqual(engine.rollout(id))
    await eventually(() => far.at(-1)?.status === 'ended')
  })

  test('the newest view at once, also of a rollout that has ended', async () => {
    const { engine, world, url } = await rig()
    const id = await canaryIn({ engine, world }, 'promoted')
    expect(await lastValueFrom(client(url).state$(id).pipe(toArray()))).toEqual([engine.rollout(id)])
  })

  test('services and rollouts', async () => {
    const { engine, world, url } = await rig()
    const id = await canaryIn({ engine, world }, 'monitoring')
    const remote = client(url)
    expect(await remote.services()).toEqual(engine.services())
    expect(await remote.service('shop')).toEqual(engine.service('shop'))
    expect(await remote.rollout(id)).toEqual(engine.rollout(id))
  })

  test('only one type of event, in one listener', async () => {
    const { engine, world, url } = await rig()
    const remote = client(url)
    const shifts: number[] = []
    const ready: string[] = []
    const stop = remote.on('traffic.shifted', ({ event }) => shifts.push(event.split.length))
    remote.on('version.ready', ({ event }) => ready.push(event.version))
    await opened(remote)

    await canaryIn({ engine, world }, 'promoted')
    await eventually(() => shifts.length === 2)
    stop()
    await canaryIn({ engine, world }, 'promoted', 'v2')

    await eventually(() => ready.length === 2)
    expect(shifts).toEqual([1, 1])
    expect(ready).toEqual(['v1', 'v2'])
  })

  test('the whole journal, of one rollout, in a loop that can be left', async () => {
    const { engine, world, url } = await rig()
    await canaryIn({ engine, world }, 'promoted')
    const second = await canaryIn({ engine, world }, 'promoted', 'v2')
    const types: string[] = []
    for await (const { rollout, event } of client(url).events({ since: 0, rollout: second })) {
      expect(rollout).toBe(second)
      types.push(event.type)
      if (types.length === 3) break
    }
    expect(types).toEqual(['rollout.requested', 'version.ready', 'traffic.shifted'])
  })
})

describe('what a client asks for', () => {
  test('happens, and is seen by whoever subscribed before', async () => {
    const { engine, world, url } = await rig()
    await canaryIn({ engine, world }, 'promoted')
    const id = await canaryIn({ engine, world }, 'monitoring', 'v2')
    const remote = client(url)
    const first = firstValueFrom(remote.events$)

    const paused = await remote.send(id, { type: 'pause.requested', by: 'alice' })

    expect(paused.state).toBe('paused')
    expect((await first).event).toEqual({ type: 'pause.requested', by: 'alice' })
    const back = await remote.rollback('shop', { reason: 'too slow' })
    expect(back.state).toMatch(/^rolling-back/)
    await until({ engine, world }, id, 'rolled-back')
  })

  test('is refused with the same words as in process', async () => {
    const { engine, world, url } = await rig()
    await canaryIn({ engine, world }, 'promoted')
    const id = await canaryIn({ engine, world }, 'monitoring', 'v2')
    const remote = client(url)
    await expectSame(remote.send(id, { type: 'swap.requested' }), engine.send(id, { type: 'swap.requested' }))
    await expectSame(
      remote.send('shop-9', { type: 'pause.requested' }),
      engine.send('shop-9', { type: 'pause.requested' }),
    )
    await expectSame(remote.rollback('nobody'), engine.rollback('nobody'))
    await expectSame(remote.rollout('a/b/1'), (async () => engine.rollout('a/b/1'))())
    await expectSame(lastValueFrom(remote.state$('a/b/1')), lastValueFrom(engine.state$('a/b/1')))
  })

  test('is asked only once the streams are open that are to see it', async () => {
    const asked: string[] = []
    const opening = Promise.withResolvers<void>()
    const openLater = async (answer: ServerResponse): Promise<void> => {
      await opening.promise
      asked.push('open')
      answer.write(':\n\n')
    }
    const url = await stranger((request, answer) => {
      asked.push(`${request.method} ${request.url}`)
      const isStream = request.url === '/v1/events?'
      answer.setHeader('content-type', isStream ? 'text/event-stream' : 'application/json')
      if (!isStream) return void answer.end('[]')
      void openLater(answer)
    })
    const remote = client(url)
    remote.events$.subscribe()
    const sent = remote.send('shop-1', { type: 'pause.requested' })
    // Whatever does not wait for the stream is through by now.
    for (let i = 0; i < 5; i++) await remote.services()
    opening.resolve()
    await sent
    expect(asked.filter((what) => what !== 'GET /v1/services')).toEqual([
      'GET /v1/events?',
      'open',
      'POST /v1/rollouts/shop-1/events',
    ])
  })

  test('is not waited for when its signal says so', async () => {
    const url = await stranger(() => {})
    const remote = client(url)
    remote.events$.subscribe()
    const late = new AbortController()
    const sent = remote.send('shop-1', { type: 'pause.requested' }, { signal: late.signal })
    late.abort(new Error('enough'))
    await expect(sent).rejects.toThrow('enough')
  })
})

describe('an engine that is started again on the same store', () => {
  test('is followed by five clients without a gap and without anything twice', async () => {
    const path = join(await directory(), 'journal.db')
    const world = new SimulatedWorld()
    const first = await rig({ world, store: sqliteStore({ path }) })
    const port = Number(new URL(first.url).port)
    const seen = Array.from({ length: 5 }, (): number[] => [])
    for (const cursors of seen) {
      const remote = client(first.url)
      remote.events$.subscribe(({ cursor }) => cursors.push(cursor))
      await opened(remote)
    }
    await canaryIn(first, 'promoted')
    const id = await canaryIn(first, 'monitoring', 'v2')
    await eventually(() => seen.every(({ length }) => length > 0))

    await first.engine.close()
    const away = await Engine.open({
      adapters: world.adapters,
      clock: world.clock,
      store: sqliteStore({ path }),
    })
    await away.send(id, { type: 'pause.requested' }) // while no client is connected
    await away.close()
    const second = await rig({
      world,
      store: sqliteStore({ path }),
      listen: { host: '127.0.0.1', port },
    })
    await second.engine.send(id, { type: 'resume.requested' })
    await until(second, id, 'promoted')

    const head = await second.engine.head()
    await eventually(() => seen.every((cursors) => cursors.at(-1) === head))
    const all = Array.from({ length: head }, (_, i) => i + 1)
    for (const cursors of seen) expect(cursors).toEqual(all)
  })

  test('goes on showing how a rollout stands, until its end', async () => {
    const path = join(await directory(), 'journal.db')
    const world = new SimulatedWorld()
    const first = await rig({ world, store: sqliteStore({ path }) })
    const port = Number(new URL(first.url).port)
    await canaryIn(first, 'promoted')
    const id = await canaryIn(first, 'monitoring', 'v2')
    const states: string[] = []
    const over = new Promise<void>((resolve) => {
      client(first.url)
        .state$(id)
        .subscribe({ next: ({ state }) => states.push(state), complete: resolve })
    })
    await eventually(() => states.length > 0)
    await first.engine.close()
    const second = await rig({ world, store: sqliteStore({ path }), listen: { host: '127.0.0.1', port } })
    await until(second, id, 'promoted')
    await over
    expect(states.at(-1)).toBe('promoted')
  })

  test('with another journal is not taken for the one before', async () => {
    const first = journal()
    const one = await served(first.view)
    const port = Number(new URL(one.url).port)
    const remote = client(one.url)
    const seen: number[] = []
    const failed = new Promise((resolve) => {
      remote.events$.subscribe({ next: ({ cursor }) => seen.push(cursor), error: resolve })
    })
    await opened(remote)
    await first.say({ type: 'pause.requested' })
    await eventually(() => seen.length === 1)
    await one.close()
    const other = await serve(journal().view, { listen: { host: '127.0.0.1', port } })
    const error = await failed
    await other.close()
    expect(error).toBeInstanceOf(UsageError)
    expect(String(error)).toContain('not the one that was read before')
  })
})

describe('a subscriber that throws', () => {
  test('harms nobody, and is told to the log', async () => {
    const { engine, world, url } = await rig()
    const complaints: unknown[] = []
    const remote = client(url, { log: { warn: (fields) => complaints.push(fields['reason']) } })
    const seen: string[] = []
    remote.on('rollout.requested', bad)
    remote.on('rollout.requested', ({ event }) => seen.push(event.type))
    remote.events$.subscribe(bad)
    remote.events$.subscribe(({ event }) => seen.push(event.type))
    await opened(remote)

    await engine.start(canarySpec('v1'))
    await world.clock.advance(0)

    await eventually(() => seen.filter((type) => type === 'rollout.requested').length === 2)
    await eventually(() => seen.includes('version.ready'))
    expect(complaints.length).toBeGreaterThan(1)
    expect(new Set(complaints)).toEqual(new Set(['mine']))
  })
})

describe('a connection', () => {
  test('that can not be made is UNREACHABLE, with what the system said', async () => {
    const error = await thrownBy(client(await nowhere()).services())
    expect(error).toBeInstanceOf(AdapterError)
    expect(error).toMatchObject({ code: 'UNREACHABLE', message: expect.stringContaining('ECONNREFUSED') })
  })

  test('without the right token fails at once, also a stream', async () => {
    const { url } = await rig({ token: TOKEN })
    const wrong = client(url, { token: `${TOKEN}s` })
    expect(await thrownBy(wrong.services())).toBeInstanceOf(UsageError)
    expect(await thrownBy(lastValueFrom(wrong.events$))).toBeInstanceOf(UsageError)
    expect(await client(url, { token: TOKEN }).services()).toEqual([])
  })

  test('to something that is no engine says so', async () => {
    const url = await stranger((_, answer) => answer.setHeader('content-type', 'text/html').end('<p>hello'))
    const remote = client(url)
    for (const asked of [
      remote.services(),
      lastValueFrom(remote.events$),
      remote.send('x-1', { type: 'pause.requested' }),
    ]) {
      const error = await thrownBy(asked)
      expect(error).toBeInstanceOf(UsageError)
      expect(String(error)).toContain('text/html')
    }
  })

  test('never carries its token to where a redirect leads', async () => {
    const tokens: unknown[] = []
    const thief = await stranger(({ headers }, answer) => {
      tokens.push(headers.authorization)
      answer.end()
    })
    const url = await stranger((_, answer) => answer.writeHead(307, { location: thief }).end())
    await expect(client(url, { token: TOKEN }).services()).rejects.toThrow(UsageError)
    expect(tokens).toEqual([])
  })

  test('through a unix socket works like any other', async () => {
    const socket = join(await directory(), 'sluice.sock')
    const { engine, world, url } = await rig({ listen: { socket } })
    const id = await canaryIn({ engine, world }, 'monitoring')
    const dispatcher = new Agent({ connect: { socketPath: socket } })
    const through = (async (input: URL, init: RequestInit) =>
      undiciFetch(input, { ...init, dispatcher } as never)) as unknown as Fetch
    const remote = client(url, { fetch: through })
    const next = firstValueFrom(remote.events$)
    expect((await remote.send(id, { type: 'pause.requested' })).state).toBe('paused')
    expect((await next).event.type).toBe('pause.requested')
    remote.close()
    await dispatcher.close()
  })

  test('that is closed ends its streams and its calls', async () => {
    const { engine, world, url } = await rig()
    const id = await canaryIn({ engine, world }, 'monitoring')
    const remote = client(url)
    const over = Promise.all([
      lastValueFrom(remote.events$, { defaultValue: null }),
      lastValueFrom(remote.state$(id), { defaultValue: null }),
    ])
    await opened(remote)
    remote.close()
    await over
    await expect(remote.services()).rejects.toThrow('closed')
  })

  test('is refused an address that is none, or that holds a password', () => {
    for (const url of ['', 'nowhere', 'ftp://x/', 'http://me:secret@127.0.0.1/']) {
      const error = thrown(() => connect(url))
      expect(error).toBeInstanceOf(UsageError)
      expect(String(error)).not.toContain('secret')
    }
    expect(String(thrown(() => connect('http://x', { token: 'secret\nthing' })))).not.toContain('secret')
  })

  test('below a path of a reverse proxy works, too', async () => {
    const paths: (string | undefined)[] = []
    const url = await stranger((request, answer) => {
      paths.push(request.url)
      answer.setHeader('content-type', 'application/json').end('[]')
    })
    await client(`${url}/deploys?x=1`).services()
    expect(paths).toEqual(['/deploys/v1/services'])
  })
})

function bad(): never {
  throw new Error('mine')
}

async function expectSame(far: Promise<unknown>, near: Promise<unknown>): Promise<void> {
  const [a, b] = await Promise.all([thrownBy(far), thrownBy(near)])
  expect(b).toBeInstanceOf(UsageError)
  expect(a).toEqual(b)
}

async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

function thrown(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}
