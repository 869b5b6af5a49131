// One HTTP request by itself, for adapters that ask: a connection of its own, no redirect followed, a body with an end.
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { request as requestOverTls, type RequestOptions } from 'node:https'

import { placeOf, requireHeaders, requireMethod, requirePath } from './checks.ts'
import { unanswered } from './unanswered.ts'

export { placeOf, requireHeaders } from './checks.ts'
export type { Place } from './checks.ts'
export { complaintAbout, type Expectation, requireExpectation } from './expectation.ts'
export { Unanswered, unanswered } from './unanswered.ts'

/** What is asked. */
export interface Question {
  /** Where: `http` or `https`, with a base path if need be, and without credentials. */
  readonly url: string
  readonly method: string
  /** With its query; what comes before it is always the place that `url` names. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  /** How much of the answer's body is read, in bytes. */
  readonly mostBytes: number
}

/** What came back; a redirect is an answer like any other. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** As UTF-8, whatever its type. */
  readonly body: string
  /** Whether that is all of it. */
  readonly isWhole: boolean
}

/**
 * Asks once and reads the answer to its end, or as far as `mostBytes`; the connection is closed before it resolves or
 * rejects. It has no time limit but its signal.
 * @throws UsageError `ARGUMENT_INVALID` for what can't be sent safely, before anything is: also line breaks in headers
 * @throws Unanswered when there was no answer, or none that is whole and HTTP
 */
export async function ask(
  question: Question,
  { signal }: { readonly signal: AbortSignal },
): Promise<HttpAnswer> {
  const options = optionsOf(question)
  signal.throwIfAborted()
  const asked = options.protocol === 'https:' ? requestOverTls(options) : request(options)
  const stop = (): void => void asked.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    const response = await responseTo(asked, question.body)
    const { body, isWhole } = await read(response, question.mostBytes)
    return { status: response.statusCode ?? 0, headers: response.headers, body, isWhole }
  } catch (cause) {
    signal.throwIfAborted()
    throw unanswered(cause)
  } finally {
    signal.removeEventListener('abort', stop)
    asked.destroy()
  }
}

function optionsOf({ url, method, path, headers, body }: Question): RequestOptions {
  const { protocol, host, port, base } = placeOf(url)
  requireMethod(method)
  requireHeaders(headers)
  return {
    protocol,
    host,
    port,
    method,
    path: base + requirePath(path),
    headers: {
      'user-agent': 'sluice',
      ...headers,
      // Node frames the body of some methods only when it is told how long it is.
      ...(body === null ? {} : { 'content-length': Buffer.byteLength(body) }),
    },
    // A connection that was kept would hide that nobody listens any more.
    agent: false,
  }
}

async function responseTo(asked: ClientRequest, body: string | null): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.on('error', reject)
    asked.once('response', resolve)
    asked.once('close', () => reject(new Error('closed')))
    asked.end(body ?? undefined)
  })
}

async function read(
  response: IncomingMessage,
  mostBytes: number,
): Promise<{ readonly body: string; readonly isWhole: boolean }> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part)
    size += part.length
    if (size > mostBytes) break
  }
  const bytes = Buffer.concat(parts).subarray(0, mostBytes)
  return { body: new TextDecoder().decode(bytes), isWhole: size <= mostBytes }
}
