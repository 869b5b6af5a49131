import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** The open connections of a server, so that it can be closed without waiting for clients that ask nothing. */
export class Connections {
  readonly #server: Server
  readonly #open = new Set<Socket>()
  readonly #busy = new Set<Socket>()
  #isClosing = false

  constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      this.#open.add(socket)
      socket.on('close', () => this.#open.delete(socket))
    })
    server.on('request', ({ socket }, response) => {
      this.#busy.add(socket)
      response.on('close', () => {
        this.#busy.delete(socket)
        if (this.#isClosing) socket.destroySoon()
      })
    })
  }

  /** Takes no more, lets what is being answered be answered for as long as `graceMs`, and resolves when all is closed. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true
    const closed = new Promise((resolve) => this.#server.close(resolve))
    // Node's own idea of an idle connection leaves out those on which nothing was asked yet.
    for (const socket of this.#open) if (!this.#busy.has(socket)) socket.destroy()
    const cut = setTimeout(() => this.#server.closeAllConnections(), graceMs)
    await closed
    clearTimeout(cut)
  }
}
