// Smoke tests as people write them, made into what the journal holds: checked whole before anything is asked.
import type { TestSpec } from './engine/ports.ts'
import type { SmokeSpec, SmokeTestSpec } from './engine/spec.ts'
import { UsageError } from './errors.ts'
import type { HttpTestOptions, SmokeOptions, SmokeTestOptions, TestFunction } from './options.ts'
import { pathOf, statusesOf } from './spec.ts'
import { count, name as toName, toPositiveMs } from './units.ts'

/** The names of the two tests that every suite has unless it says which it wants. */
export const HEALTH_TEST = 'health'
export const BASIC_TEST = 'basic-call'

type Suite = Omit<SmokeOptions, 'engine' | 'stateDir' | 'adapters'>

/** The two built-in tests: the health endpoint, and one real call of the main API. */
export function builtInTests({ healthPath = '/health', basicCall = {} }: Suite): readonly SmokeTestOptions[] {
  return [
    { name: HEALTH_TEST, http: { path: healthPath } },
    { name: BASIC_TEST, http: basicCall },
  ]
}

/** All tests that a suite says. */
export function testsOf(suite: Suite): readonly SmokeTestOptions[] {
  return [...builtInTests(suite), ...(suite.tests ?? [])]
}

/** @throws UsageError `ARGUMENT_INVALID`, naming the option */
export function smokeSpec(suite: Suite, version: string, tests = testsOf(suite)): SmokeSpec {
  const rules = tests.map((test, i) => testSpec(test, suite, `tests[${i}]`))
  const names = rules.map(({ test }) => test.name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined || names.length === 0) {
    throw new UsageError(
      'ARGUMENT_INVALID',
      `tests: ${twice === undefined ? 'there is none' : `two are called ${twice}`}`,
      {
        hint: 'Give each test a name of its own',
      },
    )
  }
  return {
    strategy: 'smoke',
    service: toName(suite.name, 'name'),
    version: toName(version, 'version'),
    endpointUrl: suite.endpointUrl === undefined ? null : urlOf(suite.endpointUrl),
    tests: rules,
    failFast: suite.failFast ?? false,
    concurrency: count(suite.concurrency ?? 4, 'concurrency', { least: 1, most: 100 }),
    budgetMs: toPositiveMs(suite.budget ?? '10m', 'budget'),
    by: null,
    why: null,
  }
}

/** The functions among tests, by name: how they are found again after a restart. */
export function functionsOf(
  tests: readonly SmokeTestOptions[],
): readonly { readonly name: string; readonly run: TestFunction }[] {
  return tests.flatMap((test) => ('run' in test ? [{ name: test.name, run: test.run }] : []))
}

function testSpec(options: SmokeTestOptions, suite: Suite, at: string): SmokeTestSpec {
  const { severity = 'critical', timeout = suite.timeout ?? '30s', retries = suite.retries ?? 0 } = options
  const name = toName(options.name, `${at}.name`)
  return {
    test: 'run' in options ? { kind: 'function', name } : httpTest(name, options.http, `${at}.http`),
    severity,
    timeoutMs: toPositiveMs(timeout, `${at}.timeout`),
    retries: count(retries, `${at}.retries`, { most: 20 }),
  }
}

function httpTest(name: string, options: HttpTestOptions, at: string): TestSpec {
  const { body, headers = {}, path = '/', expect = {} } = options
  const isJson = body !== undefined && typeof body !== 'string'
  return {
    kind: 'http',
    name,
    method: methodOf(options.method ?? (body === undefined ? 'GET' : 'POST'), `${at}.method`),
    path: pathOf(path, `${at}.path`),
    headers: isJson ? { 'content-type': 'application/json', ...headers } : headers,
    body: isJson ? JSON.stringify(body) : (body ?? null),
    expect: {
      status: statusesOf(expect.status, `${at}.expect.status`),
      body: expect.body ?? null,
      json: expect.json ?? null,
    },
  }
}

function methodOf(method: string, at: string): string {
  if (/^[A-Z]{3,12}$/.test(method) && method !== 'CONNECT') return method
  throw new UsageError('ARGUMENT_INVALID', `${at}: expected a method of HTTP, got '${method.slice(0, 20)}'`, {
    hint: "For example 'GET' or 'POST'",
  })
}

function urlOf(url: string): string {
  const parsed = URL.parse(url)
  const isPlain =
    parsed !== null &&
    [parsed.username, parsed.password, parsed.search, parsed.hash].every((part) => part === '')
  if (isPlain && /^https?:$/.test(parsed.protocol)) return url.replace(/\/$/, '')
  throw new UsageError(
    'ARGUMENT_INVALID',
    'endpointUrl: expected an address without user, password and query',
    {
      hint: "For example 'http://127.0.0.1:8080'",
    },
  )
}
