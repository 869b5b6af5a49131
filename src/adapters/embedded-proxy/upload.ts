import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/**
 * A client's request body on its way to a version. Nothing of it is read before a connection to the version stands, so
 * a refused connection costs nothing; and when the version doesn't want the rest, the client's connection lives on.
 */
export class Upload extends Readable {
  readonly #req: IncomingMessage
  #touched = false

  constructor(req: IncomingMessage) {
    super()
    this.#req = req
    // Whoever reads it learns of an error, and may have gone by then.
    this.on('error', () => {})
  }

  /** Whether anything was read, so that it could not be sent to someone else any more. */
  get touched(): boolean {
    return this.#touched
  }

  override _read(): void {
    if (this.#touched) {
      this.#req.resume()
      return
    }
    this.#touched = true
    this.#req.on('data', this.#more).on('end', this.#end).on('close', this.#closed)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#touched) {
      this.#req.off('data', this.#more).off('end', this.#end).off('close', this.#closed)
      this.#req.resume()
    }
    done(error)
  }

  readonly #more = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#req.pause()
  }

  readonly #end = (): void => {
    this.push(null)
  }

  readonly #closed = (): void => {
    if (!this.#req.complete) this.destroy(new Error('the client went away'))
  }
}

/** The body of a request; null when it has none. */
export function uploadOf(req: IncomingMessage): Upload | null {
  const { 'content-length': length, 'transfer-encoding': encoding } = req.headers
  return encoding === undefined && (length === undefined || Number(length) === 0) ? null : new Upload(req)
}
