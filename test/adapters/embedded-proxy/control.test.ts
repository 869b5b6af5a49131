import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { fc } from '@fast-check/vitest'
import { expect, test } from 'vitest'

import { type OpenProxy, pidIn, proxyInItsDirectory } from './kit.ts'
import { routeTo } from './plane-kit.ts'

const options = { signal: AbortSignal.timeout(300_000) }

interface Line extends Disposable {
  /** Sends this text as it is and resolves with the next answer; null when the proxy hung up. */
  say(
    text: string,
  ): Promise<{ id: unknown; error?: { code: string; message: string }; result?: unknown } | null>
  readonly socket: Socket
}

async function lineTo({ stateDir }: OpenProxy): Promise<Line & { readonly token: string }> {
  const address: { socket: string; token: string } = JSON.parse(
    await readFile(join(stateDir, 'proxy.json'), 'utf8'),
  )
  const socket = connect(address.socket)
  socket.on('error', () => {})
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  return {
    token: address.token,
    socket,
    say: async (text) => {
      socket.write(text)
      const { value, done } = await lines.next().catch(() => ({ done: true, value: '' }))
      return done === true ? null : JSON.parse(value)
    },
    [Symbol.dispose]: () => socket.destroy(),
  }
}

async function running(): Promise<OpenProxy> {
  const proxy = await proxyInItsDirectory()
  await proxy.router.apply(routeTo([]), options)
  return proxy
}

test('a stranger is told nothing, and hung up on', async () => {
  await using proxy = await running()
  for (const text of ['{"id":1,"op":"list"}\n', '{"id":1,"op":"hello","token":"guessed","protocol":1}\n']) {
    using line = await lineTo(proxy)
    expect(await line.say(text)).toEqual({
      id: 1,
      error: expect.objectContaining({ code: 'ARGUMENT_INVALID', message: expect.stringContaining('token') }),
    })
    expect(await line.say('{"id":2,"op":"list"}\n')).toBe(null)
  }
})

test.each([
  ['what is no JSON', 'GET / HTTP/1.1\n', 'not JSON'],
  ['what is no object', '[1,2]\n', 'expected an object'],
  ['an op nobody knows', '{"id":7,"op":"reboot"}\n', 'reboot'],
  ['an op of the language', '{"id":7,"op":"constructor"}\n', 'constructor'],
  ['a message without id', '{"op":"list"}\n', 'id: expected'],
  ['a field that is missing', '{"id":7,"op":"read"}\n', 'service: expected'],
  ['a path in place of a name', '{"id":7,"op":"read","service":"../x"}\n', 'service: expected a name'],
  ['a route that is none', '{"id":7,"op":"apply","route":{"service":"shop"}}\n', 'route.backends'],
  [
    'a time without end',
    '{"id":7,"op":"drain","service":"shop","version":"v1","ms":1e300}\n',
    'ms: expected',
  ],
])('%s is refused in words, and the conversation goes on', async (_, text, words) => {
  await using proxy = await running()
  using line = await lineTo(proxy)
  await line.say(`{"id":1,"op":"hello","protocol":1,"token":"${line.token}"}\n`)

  expect((await line.say(text))?.error).toMatchObject({
    code: 'ARGUMENT_INVALID',
    message: expect.stringContaining(words),
  })

  expect(await line.say('{"id":8,"op":"list"}\n')).toMatchObject({ id: 8, result: [{ service: 'shop' }] })
})

test('a message without end is hung up on, and the proxy lives on', async () => {
  await using proxy = await running()
  const pid = await pidIn(proxy.stateDir)
  using line = await lineTo(proxy)
  await line.say(`{"id":1,"op":"hello","protocol":1,"token":"${line.token}"}\n`)
  expect((await line.say('x'.repeat(3 << 20)))?.error?.message).toContain('longer than')
  expect(await line.say('')).toBe(null)
  expect(await proxy.router.read('shop', options)).not.toBe(null)
  expect(await pidIn(proxy.stateDir)).toBe(pid)
})

test('whatever is said to it, the proxy lives on', async () => {
  await using proxy = await running()
  const pid = await pidIn(proxy.stateDir)
  using line = await lineTo(proxy)
  await line.say(`{"id":0,"op":"hello","protocol":1,"token":"${line.token}"}\n`)
  const op = fc.constantFrom('apply', 'read', 'drain', 'remove', 'counts', 'list', 'cancel', 'hello')
  const message = fc.record({
    id: fc.nat(),
    op,
    service: fc.anything(),
    route: fc.json(),
    version: fc.string(),
  })
  line.socket.resume()
  for (const each of fc.sample(message, 300)) line.socket.write(`${JSON.stringify(each)}\n`)

  expect(await proxy.router.read('shop', options)).not.toBe(null)
  expect(await pidIn(proxy.stateDir)).toBe(pid)
})

test('somebody who connects and says nothing is in nobody’s way', async () => {
  await using proxy = await running()
  const lines = await Promise.all(Array.from({ length: 50 }, async () => lineTo(proxy)))
  expect(await proxy.router.read('shop', options)).not.toBe(null)
  for (const line of lines) line[Symbol.dispose]()
})

test('a drain ends with the controller that asked for it, and cuts nothing then', async () => {
  await using proxy = await running()
  const line = await lineTo(proxy)
  await line.say(`{"id":1,"op":"hello","protocol":1,"token":"${line.token}"}\n`)
  line.socket.write('{"id":2,"op":"drain","service":"shop","version":"v1","ms":1000}\n')
  line[Symbol.dispose]()
  expect(await proxy.router.drain({ service: 'shop', version: 'v1', ms: 10 }, options)).toEqual({ cut: 0 })
})
