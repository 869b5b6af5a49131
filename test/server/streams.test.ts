import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'

import { Subject } from 'rxjs'
import { onTestFinished, describe, expect, test } from 'vitest'

import type { EngineView } from '../../src/engine/view.ts'
import type { Envelope } from '../../src/events/envelope.ts'
import { EventStream, frameOf, STREAM_LIMITS, type StreamLimits } from '../../src/server/event-stream.ts'
import { streamJournal } from '../../src/server/journal-stream.ts'
import { eventually } from '../../src/testing/traffic-rig.ts'
import { ask, raw, rest } from './ask.ts'
import { canaryIn, journal, rig, served } from './kit.ts'

const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`

interface Said {
  readonly id?: string
  readonly event?: string
  readonly data?: unknown
}

describe('the stream of events', () => {
  test('has the headers that keep it from being kept or held up on its way', async () => {
    const { url } = await served(journal().view)
    const { status, headers } = await open(url, '/v1/events')
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(headers.get('x-accel-buffering')).toBe('no')
  })

  test('is CloudEvents 1.0 in structured JSON, with the cursor as id', async () => {
    const { engine, world, url } = await rig()
    const id = await canaryIn({ engine, world }, 'promoted')
    const stream = await open(url, '/v1/events?since=0')
    const head = await engine.head()
    const messages = await stream.take(head)
    expect(messages.map((message) => message.id)).toEqual(
      Array.from({ length: head }, (_, i) => String(i + 1)),
    )
    const journalled = engine.events({ since: 0 })[Symbol.asyncIterator]()
    for (const { event, data } of messages) {
      const { value: envelope } = await journalled.next()
      expect(event).toBe(envelope.event.type)
      expect(data).toEqual({
        specversion: '1.0',
        id: envelope.id,
        source: '/services/shop',
        type: `dev.sluice.${event}`,
        subject: id,
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        datacontenttype: 'application/json',
        sequence: String(envelope.cursor).padStart(16, '0'),
        data: envelope,
      })
    }
  })

  test('starts now when nothing else is asked for, and says where that is', async () => {
    const { view, say } = journal()
    const { url } = await served(view)
    await say({ type: 'pause.requested' })
    const stream = await open(url, '/v1/events')
    expect(await stream.place()).toBe('1')
    await say({ type: 'resume.requested' })
    expect(await stream.take(1)).toMatchObject([{ id: '2', event: 'resume.requested' }])
  })

  test('goes on after the last event that was read, whatever the address says', async () => {
    const { view, say } = journal()
    const { url } = await served(view)
    for (let i = 0; i < 4; i++) await say({ type: 'pause.requested' })
    const stream = await open(url, '/v1/events?since=0', { 'last-event-id': '2' })
    expect((await stream.take(2)).map(({ id }) => id)).toEqual(['3', '4'])
  })

  test('of one rollout has its children, and of one service nothing of another', async () => {
    const { view, say } = journal()
    const { url } = await served(view)
    const child = await open(url, '/v1/events?since=0&rollout=shop-1')
    const service = await open(url, '/v1/events?since=0&service=shop')
    const other = await open(url, '/v1/events?service=other')
    for (const rollout of ['shop-10', 'shop-1', 'shop-1/deploy/1', 'shop-2', 'shop-1']) {
      await say({ type: 'pause.requested' }, rollout)
    }
    expect((await child.take(3)).map(({ id }) => id)).toEqual(['2', '3', '5'])
    expect(await service.take(5)).toHaveLength(5)
    expect(other.said()).toEqual([])
  })

  test.each(['-1', '1.5', '1e3', 'x', '99999999999999999999', '0x1', ' 1'])(
    'does not start at %j',
    async (since) => {
      const { url } = await served(journal().view)
      expect((await ask(url, { path: `/v1/events?since=${encodeURIComponent(since)}` })).status).toBe(400)
      if (since.trim() === since) {
        expect((await ask(url, { path: '/v1/events', headers: { 'last-event-id': since } })).status).toBe(400)
      }
    },
  )

  test('does not start beyond the end of the journal: that was another one', async () => {
    const { view, say } = journal()
    const { url } = await served(view)
    await say({ type: 'pause.requested' })
    expect((await ask(url, { path: '/v1/events?since=2' })).status).toBe(410)
  })

  test('ends when the server closes, and leaves no one behind who listens', async () => {
    const { view, isHeard } = journal()
    const server = await served(view)
    const stream = await open(server.url, '/v1/events')
    const left = await open(server.url, '/v1/events')
    left.leave()
    expect(isHeard()).toBe(true)
    await server.close()
    await stream.end()
    await eventually(() => !isHeard())
  })

  test('is not held up by others that leave in the middle of it', async () => {
    const { view, say, isHeard } = journal()
    const { url } = await served(view)
    for (let i = 0; i < 20; i++) (await open(url, '/v1/events')).leave()
    const stream = await open(url, '/v1/events')
    await say({ type: 'pause.requested' })
    expect(await stream.take(1)).toHaveLength(1)
    stream.leave()
    await eventually(() => !isHeard())
  })
})

describe('the stream of how a rollout stands', () => {
  test('begins with the newest, and ends with the end', async () => {
    const { engine, world, url } = await rig()
    const id = await canaryIn({ engine, world }, 'monitoring')
    const stream = await open(url, `/v1/rollouts/${id}/state`)
    expect((await stream.take(1))[0]?.data).toEqual(engine.rollout(id))
    await world.clock.advance(10_000)
    await stream.end()
    expect(stream.said().at(-1)).toEqual({ event: 'state', data: engine.rollout(id) })
    expect(engine.rollout(id).status).toBe('ended')
  })

  test('of a rollout that nobody knows is an answer, not a stream', async () => {
    const { url } = await rig()
    const { status, text } = await ask(url, { path: '/v1/rollouts/shop-9/state' })
    expect(status).toBe(404)
    expect(JSON.parse(text).error.code).toBe('ROLLOUT_UNKNOWN')
  })
})

describe('a reader that never reads', () => {
  /** More than any socket's buffers take. */
  const MANY = 1_500
  const LONG = 'x'.repeat(20_000)

  test('is dropped, while somebody who reads hears everything', async () => {
    const { view, say, isHeard } = journal()
    const { url } = await served(view)
    const deaf = await raw(url, GET('/v1/events'))
    const dropped = new Promise((resolve) => deaf.on('close', resolve))
    await eventually(isHeard)
    const reader = await open(url, '/v1/events')
    for (let i = 1; i <= MANY; i++) {
      await say({ type: 'pause.requested', reason: LONG })
      // As fast as somebody reads who shares a processor with everybody else here.
      if (i % 20 === 0) await reader.take(i)
    }
    const ids = (await reader.take(MANY)).map(({ id }) => Number(id))
    expect(ids).toEqual(Array.from({ length: MANY }, (_, i) => i + 1))
    reader.leave()
    await eventually(() => !isHeard())
    deaf.resume()
    await dropped
  })

  test('is told so, as the last thing it hears, if it reads after all', async () => {
    const { view, say, isHeard } = journal()
    const url = await streaming(view, { graceMs: 3_600_000 })
    const deaf = await raw(url, GET('/'))
    await eventually(isHeard)
    for (let i = 0; i < MANY; i++) await say({ type: 'pause.requested', reason: LONG })
    await eventually(() => !isHeard())
    const said = messagesOf(await rest(deaf))
    const ids = said.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]))
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, i) => i + 1))
    expect(ids.length).toBeLessThan(MANY)
    expect(said.at(-1)).toEqual({ event: 'lagged', data: { type: 'lagged', since: ids.at(-1) } })
  })

  test('is cut off when it does not even fetch the last thing that is said to it', async () => {
    const streams: EventStream[] = []
    const closed: Promise<unknown>[] = []
    const url = await answering((response) => {
      closed.push(once(response, 'close'))
      streams.push(new EventStream(response, { ...STREAM_LIMITS, graceMs: 10 }))
    })
    await raw(url, GET('/'))
    const stream = await eventually(() => streams[0])
    for (let i = 0; i < MANY; i++) stream.write(frameOf({ data: LONG }))
    expect(stream.isTooSlow(0)).toBe(true)
    stream.end(frameOf({ event: 'lagged' }))
    await Promise.all(closed)
    expect(closed).toHaveLength(1)
  })

  test('is not confused with one to whom something is told late', async () => {
    const { view, say } = journal()
    const late$ = new Subject<Envelope>()
    const { url } = await served({ ...view, events$: late$ })
    const reader = await open(url, '/v1/events')
    await eventually(() => late$.observed)
    for (let i = 1; i <= 100; i++) {
      const envelope = await say({ type: 'pause.requested', reason: LONG })
      await reader.take(i)
      late$.next(envelope)
    }
    await say({ type: 'resume.requested' })
    expect((await reader.take(101)).at(-1)?.event).toBe('resume.requested')
  })

  test('is not dropped for reading a long journal slowly', async () => {
    const { view, say, isHeard } = journal()
    for (let i = 0; i < MANY; i++) await say({ type: 'pause.requested', reason: LONG })
    const url = await streaming(view, {})
    const slow = await raw(url, GET('/'))
    await eventually(isHeard)
    await say({ type: 'resume.requested' })
    const said: Said[] = []
    const hear = hearing(said)
    slow.on('data', hear).resume()
    await eventually(() => said.at(-1)?.event === 'resume.requested')
    slow.destroy()
    expect(said.map(({ id }) => Number(id))).toEqual(Array.from({ length: MANY + 1 }, (_, i) => i + 1))
  })

  test('holds up no rollout', async () => {
    const { engine, world, url } = await rig()
    for (const path of ['/v1/events', '/v1/events?since=0', '/v1/events?rollout=shop-1'])
      await raw(url, GET(path))
    const id = await canaryIn({ engine, world }, 'promoted')
    await raw(url, GET(`/v1/rollouts/${id}/state`))
    await canaryIn({ engine, world }, 'promoted', 'v2')
  })
})

test('a stream of which nothing is to be said says that it is there', async () => {
  const url = await streaming(journal().view, { heartbeatMs: 5 })
  const socket = await raw(url, GET('/'))
  let text = ''
  socket.on('data', (chunk) => (text += String(chunk))).resume()
  await eventually(() => text.split('\n:\n\n').length > 3)
})

interface Open {
  readonly status: number
  readonly headers: Headers
  /** The next messages, once there are as many. */
  take(count: number): Promise<readonly Said[]>
  /** The cursor that is said at the beginning. */
  place(): Promise<string>
  said(): readonly Said[]
  end(): Promise<void>
  leave(): void
}

/** An event stream, read by a parser of its own. */
async function open(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Open> {
  const leaving = new AbortController()
  onTestFinished(() => leaving.abort())
  const response = await fetch(url + path, { headers, signal: leaving.signal })
  let place: string | undefined
  const said: Said[] = []
  const hear = hearing(said, (id) => (place ??= id))
  const reading = (async () => {
    try {
      for await (const chunk of response.body ?? []) hear(chunk)
    } catch (error) {
      if (!leaving.signal.aborted) throw error
    }
  })()
  return {
    status: response.status,
    headers: response.headers,
    take: async (count) => eventually(() => said.length >= count && said.slice(0, count)),
    place: async () => eventually(() => place),
    said: () => said,
    end: async () => reading,
    leave: () => leaving.abort(),
  }
}

/** Takes a stream in pieces, as they come, and adds its messages to `said`. */
function hearing(said: Said[], moved: (id: string) => void = () => {}): (chunk: Uint8Array | string) => void {
  let text = ''
  const decoder = new TextDecoder()
  return (chunk) => {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    const end = text.lastIndexOf('\n\n') + 2
    if (end < 2) return
    for (const block of text.slice(0, end).split('\n\n')) {
      const { id, message } = messageIn(block)
      if (message !== null) said.push(message)
      if (id !== undefined) moved(id)
    }
    text = text.slice(end)
  }
}

/** The messages with data in the text of a stream; what is not yet whole is left out. */
function messagesOf(text: string): readonly Said[] {
  const said: Said[] = []
  hearing(said)(text)
  return said
}

function messageIn(block: string): { readonly id: string | undefined; readonly message: Said | null } {
  const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]))
  const [id, event, data] = [fields.get('id'), fields.get('event'), fields.get('data')]
  if (data === undefined) return { id, message: null }
  const named = { ...(id !== undefined && { id }), ...(event !== undefined && { event }) }
  return { id, message: { ...named, data: JSON.parse(data) } }
}

/** The journal alone, under limits of the test's own. */
async function streaming(view: EngineView, limits: Partial<StreamLimits>): Promise<string> {
  return answering((response) => {
    response.shouldKeepAlive = false
    response.useChunkedEncodingByDefault = false
    const stream = new EventStream(response, { ...STREAM_LIMITS, ...limits })
    void streamJournal(view, stream, { since: 0, rollout: null, service: null })
  })
}

async function answering(answer: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_, response) => answer(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('it does not listen')
  return `http://127.0.0.1:${address.port}`
}
