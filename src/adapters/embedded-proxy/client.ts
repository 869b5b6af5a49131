import type { Socket } from 'node:net'

import { AdapterError } from '../../errors.ts'
import { type Ask, type Hello, Lines, LONGEST_REPLY, type Op, PROTOCOL } from './wire.ts'
import { type Reply, type Results, thrownError } from './wire.ts'

type AskOf<O extends Op> = Extract<Ask, { readonly op: O }>

interface Pending {
  resolve(result: Results[Op]): void
  reject(error: unknown): void
}

export interface Wait {
  readonly signal: AbortSignal
  /** How long an answer may take; a proxy that says nothing for longer is given up. */
  readonly ms: number
}

/** The connection broke before an answer came; the proxy may or may not have done what it was asked. */
export class ConnectionLost extends AdapterError {
  constructor() {
    super('ROUTER_FAILED', 'the connection to the embedded proxy was lost', {
      hint: 'It is started again with its last routes by the next call',
    })
  }
}

/** One connection to a proxy: questions go out with a number, answers come back in any order. */
export class Link {
  readonly #socket: Socket
  readonly #pending = new Map<number, Pending>()
  readonly #lines = new Lines(LONGEST_REPLY)
  readonly closed: Promise<void>
  #lastId = 0

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('utf8')
    socket.unref()
    socket.on('data', (text: string) => this.#read(text))
    socket.on('error', () => socket.destroy())
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        for (const pending of this.#pending.values()) pending.reject(new ConnectionLost())
        resolve()
      })
    })
  }

  get open(): boolean {
    return !this.#socket.destroyed && this.#socket.writable
  }

  /** @throws AdapterError `ROUTER_FAILED` when it is another kind of proxy, or doesn't answer */
  async greet(token: string, wait: Wait): Promise<Hello> {
    const hello = await this.ask({ op: 'hello', token, protocol: PROTOCOL }, wait)
    if (hello.protocol === PROTOCOL) return hello
    throw new AdapterError(
      'ROUTER_FAILED',
      `the running proxy speaks protocol ${hello.protocol}, not ${PROTOCOL}`,
      {
        hint: 'Stop it with the Sluice that started it (sluice down), then try again',
      },
    )
  }

  async ask<O extends Op>(ask: AskOf<O>, { signal, ms }: Wait): Promise<Results[O]> {
    signal.throwIfAborted()
    if (!this.open) throw new ConnectionLost()
    const id = ++this.#lastId
    const given = new AbortController()
    try {
      return await new Promise<Results[O]>((resolve, reject) => {
        const timer = setTimeout(() => {
          this.close()
          reject(silent(ms))
        }, ms)
        given.signal.addEventListener('abort', () => clearTimeout(timer))
        signal.addEventListener('abort', () => this.#giveUp(id, signal.reason), { signal: given.signal })
        // The answer to a question has that question's type: the id says which it was.
        this.#pending.set(id, { resolve: (result) => resolve(result as Results[O]), reject })
        this.#socket.ref()
        this.#socket.write(`${JSON.stringify({ ...ask, id })}\n`)
      })
    } finally {
      given.abort()
      this.#pending.delete(id)
      if (this.#pending.size === 0) this.#socket.unref()
    }
  }

  /** Resolves when the connection is over; someone who has nothing else to do waits for it, too. */
  async ended(): Promise<void> {
    this.#socket.ref()
    await this.closed
  }

  close(): void {
    this.#socket.destroy()
  }

  #giveUp(id: number, reason: unknown): void {
    this.#pending.get(id)?.reject(reason)
    this.#socket.write(`${JSON.stringify({ op: 'cancel', id })}\n`)
  }

  #read(text: string): void {
    try {
      for (const line of this.#lines.take(text)) this.#take(JSON.parse(line))
    } catch {
      this.close()
    }
  }

  #take(reply: Reply): void {
    const pending = reply.id === null ? undefined : this.#pending.get(reply.id)
    if ('error' in reply) pending?.reject(thrownError(reply.error))
    else pending?.resolve(reply.result)
  }
}

function silent(ms: number): AdapterError {
  return new AdapterError('ROUTER_FAILED', `the embedded proxy did not answer within ${ms} ms`, {
    hint: 'It is there but does not react: see its log in the state directory',
  })
}
