import type { IncomingMessage, ServerResponse } from 'node:http'

import { describe, expect, onTestFinished, test } from 'vitest'

import { follow, type Patience } from '../../src/client/follow.ts'
import { Http } from '../../src/client/http.ts'
import { UsageError } from '../../src/errors.ts'
import { journal, served } from '../server/kit.ts'
import { client, stranger } from './kit.ts'

const HASTY: Patience = { silenceMs: 60_000, firstMs: 10, longestMs: 50 }

describe('a stream that is followed', () => {
  test('goes on with the last event that was heard whole', async () => {
    const places: unknown[] = []
    const { url } = await script(places, [
      (answer) =>
        answer.write('id: 7\n\nid: 8\nevent: a\ndata: 1\n\nid: 9\nevent: b\nda', () => answer.destroy()),
      (answer) => answer.end('id: 9\r\nevent: b\r\ndata: 2\r\n\r\nid: 10\nevent: c\ndata: 3\n'),
      (answer) => answer.write('id: 10\nevent: c\ndata: 3\n\n'),
    ])
    expect(await take(url, 3)).toEqual([
      { event: 'a', data: '1' },
      { event: 'b', data: '2' },
      { event: 'c', data: '3' },
    ])
    expect(places).toEqual([undefined, '8', '9'])
  })

  test('goes on from where it began when nothing was heard yet', async () => {
    const places: unknown[] = []
    const { url } = await script(places, [
      (answer) => answer.write('id: 7\n\n', () => answer.destroy()),
      (answer) => answer.write('id: 8\nevent: a\ndata: 1\n\n'),
    ])
    expect(await take(url, 1)).toHaveLength(1)
    expect(places).toEqual([undefined, '7'])
  })

  test('is tried again after failures that may pass, and after a server that says nothing', async () => {
    const { url } = await script(
      [],
      [
        (answer) => answer.writeHead(503).end(),
        (answer) => answer.destroy(),
        (answer) => answer.writeHead(429).end('slow down'),
        (answer) => answer.writeHead(502, { 'content-type': 'text/html' }).end('<h1>bad gateway'),
        (answer) => answer.flushHeaders(),
        (answer) => answer.write('event: a\ndata: 1\n\n'),
      ],
    )
    expect(await take(url, 1, { ...HASTY, silenceMs: 50 })).toHaveLength(1)
  })

  test.each([400, 401, 403, 404, 410, 301])('is given up after %i', async (status) => {
    const { url } = await script([], [(answer) => answer.writeHead(status).end()])
    await expect(take(url, 1)).rejects.toThrow(UsageError)
  })

  test('whose characters arrive in pieces is read right', async () => {
    const bytes = Buffer.from('id: 1\nevent: a\ndata: "grün 🚦"\n\n')
    const { url } = await script(
      [],
      [
        async (answer) => {
          for (const byte of bytes)
            await new Promise<void>((resolve) => answer.write(Buffer.of(byte), () => resolve()))
        },
      ],
    )
    expect(await take(url, 1)).toEqual([{ event: 'a', data: '"grün 🚦"' }])
  })

  test('is over at once when it is aborted, connected or not', async () => {
    const { url, asked } = await script([], [(answer) => answer.write('event: a\ndata: 1\n\n')])
    for (const address of [url, 'http://127.0.0.1:1']) {
      const stop = new AbortController()
      const messages = following(address, stop.signal, { ...HASTY, firstMs: 3_600_000, longestMs: 3_600_000 })
      const first = messages.next()
      if (address === url) await first
      else await new Promise((resolve) => setImmediate(resolve))
      stop.abort()
      const next = address === url ? messages.next() : first
      expect(await next).toEqual({ done: true, value: undefined })
    }
    expect(asked()).toBe(1)
  })
})

describe('events', () => {
  test('that a server says twice are heard once', async () => {
    const { url } = await script(
      [],
      [
        (answer) => answer.end(line(1) + line(2)),
        (answer) =>
          answer.write(
            line(1) + line(2) + line(2) + 'data: noise\n\ndata: {}\n\nevent: lagged\ndata: {}\n\n' + line(3),
          ),
      ],
    )
    const cursors: number[] = []
    for await (const { cursor } of client(url).events()) {
      cursors.push(cursor)
      if (cursors.length === 3) break
    }
    expect(cursors).toEqual([1, 2, 3])
  })

  test('reach also a loop that takes its time, every one of them', async () => {
    const { view, say, isHeard } = journal()
    const { url } = await served(view)
    const reason = 'x'.repeat(20_000)
    await say({ type: 'pause.requested' })
    const cursors: number[] = []
    for await (const { cursor } of client(url).events({ since: 0 })) {
      cursors.push(cursor)
      if (cursor === 1) {
        // Far more than fits on the way here: the server drops this reader.
        for (let i = 0; i < 1_500; i++) await say({ type: 'pause.requested', reason })
        expect(isHeard()).toBe(false)
      }
      if (cursor === 1_501) break
    }
    expect(cursors).toEqual(Array.from({ length: 1_501 }, (_, i) => i + 1))
  })
})

/** An event as far as it is looked at. */
function line(cursor: number): string {
  return `id: ${cursor}\nevent: x\ndata: ${JSON.stringify({ data: { cursor } })}\n\n`
}

type Answer = (answer: ServerResponse) => unknown

/** A server that answers each request as the next line of its script says, and the last one for ever. */
async function script(
  places: unknown[],
  answers: readonly Answer[],
): Promise<{ readonly url: string; readonly asked: () => number }> {
  let asked = 0
  const url = await stranger((request: IncomingMessage, response) => {
    places.push(request.headers['last-event-id'])
    response.setHeader('content-type', 'text/event-stream')
    answers[Math.min(asked++, answers.length - 1)]?.(response)
  })
  return { url, asked: () => asked }
}

function following(url: string, signal: AbortSignal, patience: Patience) {
  const http = new Http(url, { token: null, fetch })
  return follow(http, 'v1/events', { signal, patience, opened() {} })
}

async function take(url: string, count: number, patience = HASTY): Promise<readonly unknown[]> {
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const taken: unknown[] = []
  for await (const message of following(url, stop.signal, patience)) {
    taken.push(message)
    if (taken.length === count) break
  }
  return taken
}
