import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Dispatcher } from 'undici'

import { answerHead, forwardedHeaders } from './headers.ts'
import { refuse } from './refuse.ts'
import type { Ticket } from './tickets.ts'
import { type Upload, uploadOf } from './upload.ts'
import type { Upstream } from './upstream.ts'

/** A request that is to be forwarded, with everything that was decided about it. */
export interface Job {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly path: string
  readonly ticket: Ticket
  /** The instances of the chosen version, the one whose turn it is first. */
  readonly upstreams: readonly Upstream[]
}

/** Methods that may be sent twice (RFC 9110 §9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])
const BROKEN_CONNECTION: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])
const TOO_SLOW: ReadonlySet<string> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT'])

const SMALL = 16_384

type Progress = 'waiting' | 'sent' | 'answering' | 'answered'

/**
 * One request and its answer, streamed both ways. Ends in exactly one of the ways that are counted: served when the last
 * byte of a complete answer left for the client, else failed, given up by the client, or cut.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #job: Job
  #upload: Upload | null
  #progress: Progress = 'waiting'
  #controller: Dispatcher.DispatchController | null = null
  #attempts = 0
  #status = 0
  #length: number | null = null
  /** An answer that came in one piece is sent in one piece, too: half the system calls. */
  #whole: Buffer | null = null
  #draining = false

  constructor(job: Job) {
    this.#job = job
    this.#upload = uploadOf(job.req)
    job.ticket.onCut = () => this.#cut()
    job.res.on('close', () => this.#closed())
    // A write that comes too late; 'close' says all there is to say.
    job.res.on('error', () => {})
  }

  start(): void {
    this.#send(this.#upload)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#progress = 'sent'
    if (!this.#job.ticket.open) controller.abort(new Error('the request is over'))
  }

  onResponseStart(
    { rawHeaders }: Dispatcher.DispatchController,
    status: number,
    ...[, message]: [unknown, string?]
  ): void {
    if (status < 200 || !this.#job.ticket.open) return
    const head = answerHead(Array.isArray(rawHeaders) ? rawHeaders : [])
    this.#upstream().promisesKeepAlive = head.keepAlive === 'promised'
    this.#progress = 'answering'
    this.#status = status
    this.#length = head.length
    const { res } = this.#job
    res.writeHead(status, message ?? '', head.headers)
    queueMicrotask(() => this.#flushHead())
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { res, ticket } = this.#job
    if (!ticket.open) return
    if (chunk.length === this.#length) {
      this.#whole = chunk
      return
    }
    if (res.write(chunk) || this.#draining) return
    this.#draining = true
    controller.pause()
    res.once('drain', () => {
      this.#draining = false
      controller.resume()
    })
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: NodeJS.Dict<string | string[]>): void {
    const { res, ticket } = this.#job
    if (!ticket.open) return
    this.#progress = 'answered'
    const named = Object.entries(trailers).flatMap(([key, value = '']) =>
      [value].flat().map((each): [string, string] => [key, each]),
    )
    if (named.length > 0) res.addTrailers(named)
    if (this.#whole === null) res.end()
    else if (this.#whole.length > SMALL) res.end(this.#whole)
    // As one text with its head it is one write instead of two.
    else res.end(this.#whole.toString('latin1'), 'latin1')
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (!this.#job.ticket.open) return
    if (this.#mayRetry(error)) this.#retry()
    else this.#failed(error)
  }

  #retry(): void {
    this.#progress = 'waiting'
    this.#upload = uploadOf(this.#job.req)
    this.#send(this.#upload)
  }

  #send(upload: Upload | null): void {
    const { req, path } = this.#job
    this.#attempts += 1
    const upstream = this.#upstream()
    const safe = IDEMPOTENT.has(req.method ?? '') && upload === null
    const fresh = this.#attempts > 1 || (!safe && !upstream.promisesKeepAlive)
    upstream.forward({
      options: { method: req.method ?? 'GET', path, headers: forwardedHeaders(req), body: upload },
      handler: this,
      connection: fresh ? 'fresh' : 'kept',
    })
  }

  #upstream(): Upstream {
    const { upstreams } = this.#job
    const upstream = upstreams[(this.#attempts - 1) % upstreams.length]
    if (upstream === undefined) throw new RangeError('a request was admitted without an instance')
    return upstream
  }

  /** Once, and only what no version can have acted on, or what may be done twice. */
  #mayRetry(error: Error): boolean {
    if (this.#attempts > 1 || this.#upload?.touched === true) return false
    if (this.#progress === 'waiting') return this.#job.upstreams.length > 1
    const idempotent = IDEMPOTENT.has(this.#job.req.method ?? '') && this.#upload === null
    return this.#progress === 'sent' && idempotent && BROKEN_CONNECTION.has(codeOf(error))
  }

  #flushHead(): void {
    const { res } = this.#job
    if (this.#progress === 'answering' && this.#whole === null && !res.destroyed) res.flushHeaders()
  }

  #failed(error: Error): void {
    const { req, res, ticket } = this.#job
    const gone = res.closed || req.socket.destroyed
    ticket.settle({ kind: gone ? 'client-abort' : 'failed' })
    const [status, words] = TOO_SLOW.has(codeOf(error))
      ? ([504, 'the service did not answer in time'] as const)
      : ([502, 'the service could not be reached'] as const)
    refuse(res, status, words)
  }

  #cut(): void {
    this.#controller?.abort(new Error('cut by the deadline of a drain'))
    refuse(this.#job.res, 503, 'the request took longer than its version could stay')
  }

  #closed(): void {
    const { res, ticket } = this.#job
    if (!ticket.open) return
    if (this.#progress === 'answered' && res.writableFinished) {
      ticket.served(this.#status)
      return
    }
    ticket.settle({ kind: 'client-abort' })
    this.#controller?.abort(new Error('the client went away'))
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}
