import type { Cancellable, TestRunner, TestSpec } from '../engine/ports.ts'
import type { TestAnswer } from '../events/rollout-event.ts'
import type { TestFunction } from '../options.ts'
import { patient } from './probe-rig.ts'

/** A runner with nothing bound yet. */
export interface TestRunnerUnderTest {
  readonly runner: TestRunner
  /** Binds a function; what it returns takes it away again. */
  readonly bind: (service: string, name: string, fn: TestFunction) => () => void
}

/** Gives a runner with nothing bound. */
export type OpenRunner = () => TestRunnerUnderTest

type HttpTest = Extract<TestSpec, { kind: 'http' }>

export const SHOP = 'shop'
export const NOWHERE = 'http://127.0.0.1:1'
/** What a name that nobody knows is rejected with. */
export const UNBOUND = { name: 'UsageError', code: 'UNBOUND_NAME' }
/** The test whose function is bound as `checkout`. */
export const CHECKOUT: TestSpec = { kind: 'function', name: 'checkout' }

/** A request to `/` that takes 200. */
export function httpTest(more: Partial<Omit<HttpTest, 'expect'>> = {}, expected: object = {}): HttpTest {
  return {
    kind: 'http',
    name: 'main',
    method: 'GET',
    path: '/',
    headers: {},
    body: null,
    ...more,
    expect: { status: [200], body: null, json: null, ...expected },
  }
}

/** Runs one attempt against the version that is reached there. */
export async function run(
  { runner }: TestRunnerUnderTest,
  spec: TestSpec,
  {
    url = NOWHERE,
    service = SHOP,
    ...options
  }: { url?: string; service?: string } & Partial<Cancellable> = {},
): Promise<TestAnswer> {
  return runner.run(spec, { service, url, version: 'v1' }, { ...patient(), ...options })
}

/** Throws an error with this message. */
export function boom(message: string): never {
  throw new Error(message)
}
