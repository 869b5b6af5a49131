import { HttpRefusal } from './refusal.ts'

/** The longest body that is read. */
const LONGEST_BODY = 64 * 1024

/**
 * The JSON of a request's body.
 * @throws HttpRefusal 415 for another type, 413 beyond {@link LONGEST_BODY} bytes, 400 when it is no JSON
 */
export async function jsonOf(request: Request): Promise<unknown> {
  const type = request.headers.get('content-type') ?? ''
  const encoding = request.headers.get('content-encoding')
  if (!/^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(type) || encoding !== null) {
    throw new HttpRefusal(415, 'expected a body of JSON', {
      hint: 'Send it with content-type: application/json',
    })
  }
  const body = await bytesOf(request)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    // The parser's own words would repeat what was sent.
    throw new HttpRefusal(400, 'the body is not JSON in UTF-8')
  }
}

async function bytesOf({ headers, body }: Request): Promise<Uint8Array> {
  if (Number(headers.get('content-length') ?? 0) > LONGEST_BODY) throw tooLong()
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
    length += chunk.byteLength
    if (length > LONGEST_BODY) throw tooLong()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function tooLong(): HttpRefusal {
  return new HttpRefusal(413, `the body is longer than ${LONGEST_BODY} bytes`)
}
