import type { Cancellable, TestSpec } from '../../engine/ports.ts'
import { messageOf, UsageError } from '../../errors.ts'
import { isReference, resolveReferences } from '../references/index.ts'
import { ask, complaintAbout, type HttpAnswer, requireExpectation } from '../requests/index.ts'
import { failed, type Found, passed, type Target } from './found.ts'
import { differenceOf } from './json.ts'

type HttpTest = Extract<TestSpec, { kind: 'http' }>

const LARGEST_BODY = 1 << 20
/** A shorter one would be found in every word. */
const SHORTEST_SECRET = 4

/**
 * Makes one request, and reads its answer to its end, or its first megabyte.
 * @throws UsageError `UNBOUND_NAME` for a reference that leads nowhere, `ARGUMENT_INVALID` for what can't be sent
 */
export async function runHttp(test: HttpTest, target: Target, options: Cancellable): Promise<Found> {
  requireExpectation(test.expect)
  const headers = await resolveReferences(test.headers)
  const { method, path, body, expect } = test
  try {
    const answer = await ask(
      { url: target.url, method, path, headers, body, mostBytes: LARGEST_BODY },
      options,
    )
    const complaint =
      complaintAbout(answer, expect) ?? complaintAboutJson(answer, expect.json, secretsOf(test, headers))
    return complaint === null ? passed(String(answer.status)) : failed(complaint)
  } catch (error) {
    options.signal.throwIfAborted()
    if (error instanceof UsageError) throw error
    return failed(messageOf(error))
  }
}

function complaintAboutJson(
  { body, isWhole }: HttpAnswer,
  expected: unknown,
  secrets: readonly string[],
): string | null {
  if (expected === null || expected === undefined) return null
  if (!isWhole) return 'the body is too large to be read as JSON'
  const found = parsed(body)
  return found === NO_JSON ? 'the body is no JSON' : differenceOf(expected, found, { at: '', secrets })
}

const NO_JSON = Symbol('no JSON')

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return NO_JSON
  }
}

/** What the references among the headers stand for: a server may send back what it was sent. */
function secretsOf(test: HttpTest, headers: Readonly<Record<string, string>>): readonly string[] {
  const referred = Object.entries(test.headers).filter(([, value]) => isReference(value))
  return referred.map(([name]) => headers[name] ?? '').filter(({ length }) => length >= SHORTEST_SECRET)
}
