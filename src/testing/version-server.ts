import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'

/** A real HTTP server on a free port of 127.0.0.1, closed with all its connections when it is disposed of. */
export interface Backend extends AsyncDisposable {
  readonly url: string
  readonly server: Server
}

export async function backend(handler: RequestListener): Promise<Backend> {
  const server = createServer({ requestTimeout: 0 }, handler)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    async [Symbol.asyncDispose]() {
      // Upgraded ones are no longer the server's own.
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

/**
 * A version of a service that does to its callers whatever a version can do. It answers with its name;
 * `/status/503` with that status; `/hold` only once released; `/echo` with what it was sent; `/truncated` with a part of
 * what it promised; `/reset` not at all.
 */
export interface VersionServer extends Backend {
  readonly version: string
  /** How many requests wait at `/hold` now. */
  readonly held: number
  /** Lets those at `/hold` have their answer. */
  release(): void
}

export async function versionServer(version: string): Promise<VersionServer> {
  const held = new Set<ServerResponse>()
  const {
    url,
    server,
    [Symbol.asyncDispose]: close,
  } = await backend((req, res) => {
    if (req.url !== '/hold') {
      behave(version, req, res)
      return
    }
    held.add(res)
    res.on('close', () => held.delete(res))
  })
  return {
    version,
    url,
    server,
    get held() {
      return held.size
    },
    release: () => {
      for (const res of held) res.end(version)
    },
    [Symbol.asyncDispose]: close,
  }
}

function behave(version: string, req: IncomingMessage, res: ServerResponse): void {
  const [, verb, status] = (req.url ?? '/').split('/')
  switch (verb) {
    case 'status':
      res.writeHead(Number(status)).end(version)
      break
    case 'echo':
      req.pipe(res)
      break
    case 'truncated':
      res.writeHead(200, { 'content-length': 1_000 })
      res.write(version, () => res.destroy())
      break
    case 'reset':
      res.destroy()
      break
    default:
      res.end(version)
  }
}
