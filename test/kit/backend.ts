import { createServer, type RequestListener, type Server } from 'node:http'

export interface Backend extends AsyncDisposable {
  readonly url: string
  readonly server: Server
}

/** A real HTTP server on a free port, closed with all its connections when the test's scope ends. */
export async function backend(handler: RequestListener): Promise<Backend> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
