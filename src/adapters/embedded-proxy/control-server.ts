import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'

import { messageOf, UsageError } from '../../errors.ts'
import { decodeMessage } from './decode.ts'
import type { Log } from './log.ts'
import {
  type Ask,
  Lines,
  LONGEST_REPLY,
  LONGEST_REQUEST,
  type Op,
  type Reply,
  type Results,
  wireError,
} from './wire.ts'

/** Answers what is asked; the signal is aborted when whoever asked gave up or went away. */
export type Answer = (ask: Ask, signal: AbortSignal) => Promise<Results[Op]>

export interface ControlOptions {
  /** What the first message of a connection has to hold. */
  readonly token: string
  readonly answer: Answer
  readonly log: Log
}

const HELLO_MS = 10_000
const MOST_AT_ONCE = 1_000

/** The control channel's end in the proxy. What it can't understand it refuses in words; nothing sent to it ends it. */
export class ControlServer {
  readonly #options: ControlOptions
  readonly #server: Server

  constructor(options: ControlOptions) {
    this.#options = options
    this.#server = createServer((socket) => {
      new Conversation(socket, options).start()
    })
  }

  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, resolve)
    })
    this.#server.on('error', (error) => {
      this.#options.log('error', 'the control channel has trouble', { reason: messageOf(error) })
    })
  }

  close(): void {
    this.#server.close()
  }
}

class Conversation {
  readonly #socket: Socket
  readonly #options: ControlOptions
  readonly #lines = new Lines(LONGEST_REQUEST)
  readonly #running = new Map<number, AbortController>()
  #trust: 'stranger' | 'known' = 'stranger'

  constructor(socket: Socket, options: ControlOptions) {
    this.#socket = socket
    this.#options = options
  }

  start(): void {
    const socket = this.#socket
    socket.setEncoding('utf8')
    socket.setTimeout(HELLO_MS, () => socket.destroy())
    socket.on('data', (text: string) => this.#read(text))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      for (const asked of this.#running.values()) asked.abort(new Error('whoever asked went away'))
    })
  }

  #read(text: string): void {
    try {
      for (const line of this.#lines.take(text)) this.#take(line)
    } catch (error) {
      this.#reply({ id: null, error: wireError(error) })
      this.#socket.destroySoon()
    }
  }

  #take(line: string): void {
    let id: number | null = null
    try {
      id = idOf(line)
      const message = decodeMessage(line)
      if (message.op === 'cancel') this.#running.get(message.id)?.abort(new Error('given up'))
      else void this.#answer(message, message.id)
    } catch (error) {
      this.#reply({ id, error: wireError(error) })
    }
  }

  async #answer(ask: Ask, id: number): Promise<void> {
    const asked = new AbortController()
    try {
      this.#admit(ask, id)
      this.#running.set(id, asked)
      const result = await this.#options.answer(ask, asked.signal)
      this.#write(`${JSON.stringify({ id, result })}\n`)
    } catch (error) {
      this.#reply({ id, error: wireError(error) })
      if (this.#trust === 'stranger') this.#socket.destroySoon()
    } finally {
      if (this.#running.get(id) === asked) this.#running.delete(id)
    }
  }

  /** The first message proves the right to ask. */
  #admit(ask: Ask, id: number): void {
    if (this.#running.size >= MOST_AT_ONCE || this.#running.has(id)) {
      throw new UsageError('ARGUMENT_INVALID', `message ${id}: too much at once, or the same id twice`)
    }
    if (this.#trust === 'known') return
    if (ask.op !== 'hello' || !sameText(ask.token, this.#options.token)) {
      throw new UsageError('ARGUMENT_INVALID', 'hello: expected the token of this proxy first', {
        hint: 'It is in proxy.json of the state directory, readable by its owner',
      })
    }
    this.#trust = 'known'
    this.#socket.setTimeout(0)
  }

  #reply(reply: Reply): void {
    this.#write(`${JSON.stringify(reply)}\n`)
  }

  /** Someone who asks and never reads is hung up on, before the memory is full of what they don't read. */
  #write(line: string): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return
    if (this.#socket.writableLength > LONGEST_REPLY) this.#socket.destroy()
    else this.#socket.write(line)
  }
}

function idOf(line: string): number | null {
  const found = /"id":(\d{1,15})\b/.exec(line)?.[1]
  return found === undefined ? null : Number(found)
}

function sameText(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => createHash('sha256').update(text).digest())
  return x !== undefined && y !== undefined && timingSafeEqual(x, y)
}
