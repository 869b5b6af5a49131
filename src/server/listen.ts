import { once } from 'node:events'
import { lstat, unlink } from 'node:fs/promises'
import type { Server } from 'node:http'
import { connect } from 'node:net'

import { AdapterError, messageOf, UsageError } from '../errors.ts'

/** Where to listen: a host with a port (0 for a free one), or a unix socket that only its owner can use. */
export type ListenAt = { readonly host: string; readonly port: number } | { readonly socket: string }

/** Unix socket paths end at 107 bytes on Linux, 103 on macOS; longer ones are cut off in silence. */
const LONGEST_SOCKET_PATH = 100

/** Listens, and says under which URL: that of a unix socket is `http://localhost`, spoken through the socket. */
export async function listen(server: Server, at: ListenAt): Promise<string> {
  if ('socket' in at) {
    await listenOnSocket(server, at.socket)
    return 'http://localhost'
  }
  const { host, port } = at
  await bound(server, () => server.listen({ host, port, exclusive: true }), `${host}:${port}`)
  const found = server.address()
  const real = typeof found === 'object' && found !== null ? found.port : port
  return `http://${host.includes(':') ? `[${host}]` : host}:${real}`
}

async function listenOnSocket(server: Server, path: string): Promise<void> {
  const bytes = Buffer.byteLength(path)
  if (bytes > LONGEST_SOCKET_PATH || bytes === 0 || path.includes('\0')) {
    throw new UsageError(
      'ARGUMENT_INVALID',
      `listen: a socket's path has 1 to ${LONGEST_SOCKET_PATH} bytes, not ${bytes}`,
      {
        hint: 'Use a shorter directory, for example below /tmp or $XDG_RUNTIME_DIR',
      },
    )
  }
  await removeStale(path)
  await bound(server, () => withUmask(0o177, () => server.listen(path)), path)
}

/** What an earlier process left behind is replaced; a socket on which somebody answers is not, nor any other file. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null)
  if (found === null) return
  if (!found.isSocket()) {
    throw new UsageError('ARGUMENT_INVALID', `listen: ${path} is there already, and is no socket`)
  }
  if (await isAnswered(path)) {
    throw new UsageError('ARGUMENT_INVALID', `listen: another process answers on ${path}`, {
      hint: 'Use that one, or end it first',
    })
  }
  await unlink(path).catch(() => {})
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    return !(
      error instanceof Error &&
      'code' in error &&
      /^(?:ECONNREFUSED|ENOENT)$/.test(String(error.code))
    )
  } finally {
    socket.destroy()
  }
}

/** The socket is made within the call: it never exists with more rights than it is to have. */
function withUmask(mask: number, fn: () => void): void {
  const before = process.umask(mask)
  try {
    fn()
  } finally {
    process.umask(before)
  }
}

async function bound(server: Server, start: () => void, where: string): Promise<void> {
  try {
    const listening = once(server, 'listening')
    start()
    await listening
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'EADDRINUSE') {
      throw new UsageError('ARGUMENT_INVALID', `listen: ${where} is in use`, {
        cause,
        hint: 'Choose another port, or 0 for a free one',
      })
    }
    throw new AdapterError('UNREACHABLE', `can't listen on ${where}: ${messageOf(cause)}`, { cause })
  }
}
