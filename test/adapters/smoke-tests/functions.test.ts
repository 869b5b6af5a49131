import { describe, expect, test } from 'vitest'

import { smokeTests, type TestFunction } from '../../../src/adapters/smoke-tests/index.ts'
import type { TestSpec } from '../../../src/engine/ports.ts'
import { patient } from '../../../src/testing/probe-rig.ts'

const CHECKOUT: TestSpec = { kind: 'function', name: 'checkout' }
const target = { service: 'shop', url: 'http://127.0.0.1:1', version: 'v1' }
const malformed = expect.objectContaining({ name: 'UsageError', code: 'ARGUMENT_INVALID' })

const skipping =
  (message: string): TestFunction =>
  () => ({ status: 'skipped', message })

describe('functions that are given at the start', () => {
  test('are there for every service, behind those that are bound for one', async () => {
    const runner = smokeTests({ functions: { checkout: skipping('everywhere') } })
    const unbind = runner.bind('shop', 'checkout', skipping('of the shop'))
    expect((await runner.run(CHECKOUT, target, patient())).message).toBe('of the shop')
    expect((await runner.run(CHECKOUT, { ...target, service: 'bank' }, patient())).message).toBe('everywhere')
    unbind()
    expect((await runner.run(CHECKOUT, target, patient())).message).toBe('everywhere')
  })
})

describe('what can not be bound is refused', () => {
  test.each(['', 'a b', 'a/b', '../x', 'x'.repeat(65), 'a\nb'])('the name %j', (name) => {
    const runner = smokeTests()
    expect(() => runner.bind('shop', name, () => {})).toThrow(malformed)
    expect(() => runner.bind(name, 'checkout', () => {})).toThrow(malformed)
    expect(() => smokeTests({ functions: { [name]: () => {} } })).toThrow(malformed)
  })
})
