import { once } from 'node:events'
import { readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'

import { Agent, fetch as undiciFetch } from 'undici'
import { describe, expect, onTestFinished, test } from 'vitest'

import { AdapterError, UsageError } from '../../src/errors.ts'
import { serve, type Served, type ServeOptions } from '../../src/server/index.ts'
import { ask } from './ask.ts'
import { directory, journal, served } from './kit.ts'

const TOKEN = 'a-token-of-some-length'

describe('a port', () => {
  test('is one of loopback, and a free one is found', async () => {
    const { url } = await open({ listen: { host: '127.0.0.1', port: 0 } })
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect((await ask(url, {})).status).toBe(200)
  })

  test('of ::1 has a URL that can be used', async () => {
    const { url } = await open({ listen: { host: '::1', port: 0 } })
    expect((await fetch(`${url}/v1/health`)).status).toBe(200)
  })

  test.each(['0.0.0.0', '::', '192.0.2.1', 'example.test', '127.evil.example', '::ffff:192.0.2.1', ''])(
    'of %j is refused without a token, before anything listens',
    async (host) => {
      const error = await refusal(serve(journal().view, { listen: { host, port: 0 } }))
      expect(error).toBeInstanceOf(UsageError)
      expect(error).toMatchObject({
        code: 'ARGUMENT_INVALID',
        message: expect.stringContaining('needs a token'),
      })
    },
  )

  test.each([
    '',
    'short',
    'with a space in it',
    'with\na line break',
    'x'.repeat(1025),
    'ümläuts-are-not-safe',
  ])('is refused with the token %j, which is shown nowhere', async (token) => {
    const error = await refusal(serve(journal().view, { listen: { host: '127.0.0.1', port: 0 }, token }))
    expect(error).toBeInstanceOf(UsageError)
    if (token !== '') expect(String(error)).not.toContain(token)
  })

  test('beyond loopback is reached by any address and by the names it was given', async () => {
    const { url } = await open({
      listen: { host: '0.0.0.0', port: 0 },
      token: TOKEN,
      hosts: ['Deploys.Example'],
    })
    const port = new URL(url).port
    const statusOf = async (host: string): Promise<number> => {
      const headers = { host, authorization: `Bearer ${TOKEN}` }
      return (await ask(`http://127.0.0.1:${port}`, { headers })).status
    }
    expect(await statusOf('192.0.2.1:8080')).toBe(200)
    expect(await statusOf('[2001:db8::1]')).toBe(200)
    expect(await statusOf('deploys.example')).toBe(200)
    expect(await statusOf('evil.example')).toBe(421)
  })

  test('that somebody has is refused, with what to do', async () => {
    const { url } = await open({ listen: { host: '127.0.0.1', port: 0 } })
    const port = Number(new URL(url).port)
    const error = await refusal(serve(journal().view, { listen: { host: '127.0.0.1', port } }))
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toMatchObject({
      message: `listen: 127.0.0.1:${port} is in use`,
      hint: expect.stringContaining('0'),
    })
  })

  test('of an address that this machine does not have is a failure of the world', async () => {
    const error = await refusal(
      serve(journal().view, { listen: { host: '192.0.2.1', port: 0 }, token: TOKEN }),
    )
    expect(error).toBeInstanceOf(AdapterError)
  })

  test('is free again once it is closed, and closing twice is harmless', async () => {
    const first = await open({ listen: { host: '127.0.0.1', port: 0 } })
    const port = Number(new URL(first.url).port)
    await Promise.all([first.close(), first.close()])
    await first.close()
    const second = await open({ listen: { host: '127.0.0.1', port } })
    expect((await ask(second.url, {})).status).toBe(200)
  })

  test('is closed at once, also while clients are connected that ask nothing', async () => {
    const server = await served(journal().view)
    const { port } = new URL(server.url)
    const idle = connect(Number(port), '127.0.0.1')
    await once(idle, 'connect')
    await fetch(`${server.url}/v1/health`).then(async (answer) => answer.text())
    const gone = once(idle, 'close')
    idle.resume()
    await server.close()
    await gone
  })
})

describe('a unix socket', () => {
  test('is for its owner only, and answers', async () => {
    const socket = join(await directory(), 'a.sock')
    const { url } = await open({ listen: { socket } })
    expect((await stat(socket)).mode & 0o777).toBe(0o600)
    expect(url).toBe('http://localhost')
    expect(await healthOf(socket)).toBe(200)
  })

  test('changes nothing about the rights of what is made afterwards', async () => {
    const dir = await directory()
    const before = process.umask(0o027)
    onTestFinished(() => void process.umask(before))
    await open({ listen: { socket: join(dir, 'a.sock') } })
    expect(process.umask()).toBe(0o027)
  })

  test('is removed when it is closed', async () => {
    const socket = join(await directory(), 'a.sock')
    const server = await open({ listen: { socket } })
    await server.close()
    await expect(stat(socket)).rejects.toThrow('ENOENT')
  })

  test('that was left behind is replaced', async () => {
    const socket = join(await directory(), 'a.sock')
    await leaveBehind(socket)
    await open({ listen: { socket } })
    expect(await healthOf(socket)).toBe(200)
  })

  test('on which somebody answers is left to them', async () => {
    const socket = join(await directory(), 'a.sock')
    const first = await open({ listen: { socket } })
    const error = await refusal(serve(journal().view, { listen: { socket } }))
    expect(error).toBeInstanceOf(UsageError)
    expect(String(error)).toContain('another process answers')
    expect(await healthOf(socket)).toBe(200)
    await first.close()
  })

  test('takes the place of no other file, and of none that a link leads to', async () => {
    const dir = await directory()
    const file = join(dir, 'a.txt')
    const link = join(dir, 'a.sock')
    await writeFile(file, 'mine')
    await symlink(file, link)
    for (const socket of [file, link]) {
      expect(await refusal(serve(journal().view, { listen: { socket } }))).toBeInstanceOf(UsageError)
    }
    expect(await readFile(file, 'utf8')).toBe('mine')
  })

  test('with a path that the system would cut off is refused', async () => {
    const dir = await directory()
    const long = join(dir, 'ü'.repeat(50))
    expect(long.length).toBeLessThan(100)
    for (const socket of [join(dir, 'x'.repeat(100)), long, '', `${dir}/a\0b`]) {
      const error = await refusal(serve(journal().view, { listen: { socket } }))
      expect(error).toBeInstanceOf(UsageError)
      expect(String(error)).toContain('1 to 100 bytes')
    }
  })

  test('in a directory that is not there is a failure of the world', async () => {
    const socket = join(await directory(), 'no', 'a.sock')
    expect(await refusal(serve(journal().view, { listen: { socket } }))).toBeInstanceOf(AdapterError)
  })
})

async function open(options: ServeOptions): Promise<Served> {
  const server = await serve(journal().view, options)
  onTestFinished(async () => server.close())
  return server
}

async function refusal(opening: Promise<Served>): Promise<unknown> {
  return opening.then(
    async (server) => server.close(),
    (error: unknown) => error,
  )
}

async function healthOf(socketPath: string): Promise<number> {
  const dispatcher = new Agent({ connect: { socketPath } })
  const answer = await undiciFetch('http://localhost/v1/health', { dispatcher })
  await answer.text()
  await dispatcher.close()
  return answer.status
}

/** A socket file without anybody behind it, as a process leaves it that was killed. */
async function leaveBehind(path: string): Promise<void> {
  const server = createServer()
  const aside = `${path}.aside`
  server.listen(path)
  await once(server, 'listening')
  // Node removes the file of the name it listened on.
  await rename(path, aside)
  server.close()
  await once(server, 'close')
  await rename(aside, path)
}
