import { setImmediate as turn } from 'node:timers/promises'

import { describe, expect, test } from 'vitest'

import type { TestAnswer } from '../events/rollout-event.ts'
import type { TestFunction } from '../options.ts'
import { boom, CHECKOUT, NOWHERE, type OpenRunner as Open, run, SHOP, UNBOUND } from './test-runner-rig.ts'
import { eventually } from './traffic-rig.ts'

/** The part of the TestRunner contract that is about functions. */
export function callsFunctions(open: Open): void {
  describe('functions', () => {
    runsFunctions(open)
    fencesFunctions(open)
    givesUpFunctions(open)
    findsFunctions(open)
  })
}

/** What comes of a function. */
async function outcome(open: Open, fn: TestFunction): Promise<TestAnswer> {
  const under = open()
  under.bind(SHOP, 'checkout', fn)
  return run(under, CHECKOUT)
}

function runsFunctions(open: Open): void {
  test('a function is told what it is to test', async () => {
    let told: unknown
    await outcome(open, (context) => (told = context))
    expect(told).toMatchObject({ url: NOWHERE, version: 'v1', signal: expect.any(AbortSignal) })
  })

  test.each([
    ['returns nothing', () => {}],
    ['resolves', async () => Promise.resolve()],
    ['resolves with something of its own', async () => Promise.resolve({ status: 200, message: 'OK' })],
    ['says that it passed', () => ({ status: 'passed', message: 'fine' })],
  ] satisfies [string, TestFunction][])('one that %s has passed', async (_, fn) => {
    expect((await outcome(open, fn)).status).toBe('passed')
  })

  test('one that says it was skipped was skipped, with its reason', async () => {
    const answer = { status: 'skipped', message: 'no queue here' }
    expect(await outcome(open, async () => Promise.resolve(answer))).toMatchObject(answer)
  })

  test.each([
    ['throws', () => boom('the cart is empty')],
    ['rejects', async () => Promise.reject(new Error('the cart is empty'))],
    ['says that it failed', () => ({ status: 'failed', message: 'the cart is empty' })],
  ] satisfies [string, TestFunction][])('one that %s has failed, in its own words', async (_, fn) => {
    expect(await outcome(open, fn)).toMatchObject({ status: 'failed', message: 'the cart is empty' })
  })

  test('what it throws is shown on one line, cut, and without secrets', async () => {
    const { message } = await outcome(open, () => boom(`no\n\u001b[31mtoken=s3cret ${'x'.repeat(10_000)}`))
    expect(message).toMatch(/^no token=\[redacted\] x+…$/)
    expect(message.length).toBeLessThanOrEqual(500)
  })
}

function fencesFunctions(open: Open): void {
  const toxic = {
    get status(): never {
      return boom('poisoned')
    },
  }
  // oxlint-disable-next-line unicorn/no-thenable -- that is the point
  const poisonedPromise = { then: () => boom('poisoned') }
  const thrown: readonly unknown[] = [
    undefined,
    null,
    0,
    '',
    'words',
    Symbol('s'),
    {},
    Object.create(null),
    { toString: () => boom('poisoned') },
    new Error('   '),
    Object.assign(new Error('x'), { message: 1 }),
  ]
  test.each(thrown.map((value) => ({ value })))(
    'whatever it throws ($value), it has failed',
    async ({ value }) => {
      for (const fn of [
        () => {
          throw value
        },
        async () => Promise.reject(value),
      ]) {
        const { status, message } = await outcome(open, fn)
        expect(status).toBe('failed')
        expect(message.trim()).not.toBe('')
      }
    },
  )

  test.each([
    ['an answer that throws when it is read', () => toxic],
    ['a promise that throws when it is waited for', () => poisonedPromise],
  ])('%s has failed', async (_, fn) => {
    expect(await outcome(open, fn)).toMatchObject({ status: 'failed', message: 'poisoned' })
  })
}

function givesUpFunctions(open: Open): void {
  test('one that is given up already is not called', async () => {
    const under = open()
    let calls = 0
    under.bind(SHOP, 'checkout', () => (calls += 1))
    const signal = AbortSignal.abort(new Error('never mind'))
    await expect(run(under, CHECKOUT, { signal })).rejects.toThrow('never mind')
    expect(calls).toBe(0)
  })

  test('one that hangs is given up when the signal aborts, and told so', async () => {
    const under = open()
    const given = new AbortController()
    let signal: AbortSignal | undefined
    under.bind(SHOP, 'checkout', async (context) => {
      signal = context.signal
      return new Promise(() => {})
    })
    const asked = run(under, CHECKOUT, { signal: given.signal })
    await eventually(() => signal !== undefined)
    given.abort(new Error('never mind'))
    await expect(asked).rejects.toThrow('never mind')
    expect(signal?.aborted).toBe(true)
  })

  test('one that fails after it was given up harms nobody', async () => {
    const under = open()
    const given = new AbortController()
    const late = Promise.withResolvers<never>()
    under.bind(SHOP, 'checkout', async () => late.promise)
    const asked = run(under, CHECKOUT, { signal: given.signal })
    given.abort(new Error('never mind'))
    await expect(asked).rejects.toThrow('never mind')
    // An unhandled rejection would fail the test run.
    late.reject(new Error('too late'))
    await turn()
    await turn()
  })
}

function findsFunctions(open: Open): void {
  test('one that is not bound is UNBOUND_NAME, and says which', async () => {
    for (const name of ['checkout', 'constructor', '__proto__']) {
      const asked = run(open(), { kind: 'function', name })
      await expect(asked).rejects.toMatchObject({ ...UNBOUND, message: expect.stringContaining(name) })
    }
  })

  test('each service has functions of its own', async () => {
    const under = open()
    under.bind(SHOP, 'checkout', () => ({ status: 'skipped', message: 'of the shop' }))
    under.bind('bank', 'checkout', () => ({ status: 'skipped', message: 'of the bank' }))
    expect((await run(under, CHECKOUT)).message).toBe('of the shop')
    expect((await run(under, CHECKOUT, { service: 'bank' })).message).toBe('of the bank')
    await expect(run(under, CHECKOUT, { service: 'else' })).rejects.toMatchObject(UNBOUND)
  })

  test('the newest of a name counts, and only that one takes itself away', async () => {
    const under = open()
    const older = under.bind(SHOP, 'checkout', () => boom('the older one'))
    const newer = under.bind(SHOP, 'checkout', () => {})
    older()
    expect((await run(under, CHECKOUT)).status).toBe('passed')
    newer()
    newer()
    await expect(run(under, CHECKOUT)).rejects.toMatchObject(UNBOUND)
  })
}
