import { createServer, type Socket } from 'node:net'

/** A real TCP server on a free port of 127.0.0.1, closed with all its connections when it is disposed of. */
export interface RawServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** How many connections are open now. */
  readonly open: number
  /** How many there ever were. */
  readonly accepted: number
}

/** A server that does to each connection what `handle` does; for answers that no HTTP server would give. */
export async function rawServer(handle: (socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>()
  let accepted = 0
  const server = createServer((socket) => {
    accepted++
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    handle(socket)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    get open() {
      return sockets.size
    },
    get accepted() {
      return accepted
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

/** A URL of 127.0.0.1 where nobody listens, because a server that did has just been closed. */
export async function deadUrl(): Promise<string> {
  await using server = await rawServer(() => {})
  return server.url
}
