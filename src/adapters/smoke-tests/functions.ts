// Other people's functions: whatever they do, what comes of it is an answer.
import type { Cancellable } from '../../engine/ports.ts'
import { messageOf, UsageError } from '../../errors.ts'
import { name as toName } from '../../units.ts'
import { failed, type Found, passed, type Target } from './found.ts'

/** What a test function is told. */
export interface TestContext {
  /** Where the version under test is reached. */
  readonly url: string
  readonly version: string
  /** Aborts at the test's timeout, and when the run is given up. */
  readonly signal: AbortSignal
}

/**
 * A test of your own: it fails by throwing. What it returns or resolves with is ignored, but for
 * `{ status: 'skipped' | 'failed' | 'passed', message }`, which is its answer.
 */
export type TestFunction = (context: TestContext) => unknown

/** Functions by service and name. */
export class Bindings {
  readonly #everywhere: ReadonlyMap<string, TestFunction>
  readonly #bound = new Map<string, TestFunction>()

  constructor(functions: Readonly<Record<string, TestFunction>>) {
    this.#everywhere = new Map(
      Object.entries(functions).map(([name, fn]) => [toName(name, 'functions'), checked(fn, name)]),
    )
  }

  bind(service: string, name: string, fn: TestFunction): () => void {
    const key = keyOf(toName(service, 'service'), toName(name, 'name'))
    this.#bound.set(key, checked(fn, name))
    return () => {
      if (this.#bound.get(key) === fn) this.#bound.delete(key)
    }
  }

  /** @throws UsageError `UNBOUND_NAME` when there is none */
  find(service: string, name: string): TestFunction {
    const fn = this.#bound.get(keyOf(service, name)) ?? this.#everywhere.get(name)
    if (fn !== undefined) return fn
    throw new UsageError('UNBOUND_NAME', `no function is bound to the test ${name} of ${service}`, {
      hint: 'Give the same tests to createSmokeTests() in the program that goes on with this rollout',
    })
  }
}

/** Names have no spaces. */
function keyOf(service: string, name: string): string {
  return `${service} ${name}`
}

function checked(fn: unknown, name: string): TestFunction {
  if (typeof fn === 'function') return fn as TestFunction
  throw new UsageError('ARGUMENT_INVALID', `${name}: expected a function`)
}

/** Runs a function until it is done or the signal aborts, whichever comes first; then what it still does is ignored. */
export async function runFunction(
  fn: TestFunction,
  { url, version }: Target,
  { signal }: Cancellable,
): Promise<Found> {
  const given = new AbortController()
  const givenUp = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: given.signal })
  })
  try {
    return await Promise.race([answerOf(fn, { url, version, signal }), givenUp])
  } finally {
    given.abort()
  }
}

/** Never rejects. */
async function answerOf(fn: TestFunction, context: TestContext): Promise<Found> {
  try {
    return readAnswer(await fn(context))
  } catch (error) {
    return failed(wordsOf(error))
  }
}

function readAnswer(returned: unknown): Found {
  if (typeof returned !== 'object' || returned === null) return passed('passed')
  const { status, message }: { readonly status?: unknown; readonly message?: unknown } = returned
  if (status !== 'passed' && status !== 'failed' && status !== 'skipped') return passed('passed')
  return { status, message: typeof message === 'string' && message !== '' ? message : status }
}

/** What is thrown may be anything, also something that can't be made into text. */
function wordsOf(error: unknown): string {
  try {
    const words: unknown = messageOf(error)
    if (typeof words === 'string' && words.trim() !== '') return words
  } catch {
    // Said below.
  }
  return 'it threw something without words'
}
