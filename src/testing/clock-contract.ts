import { describe, expect, onTestFinished, test } from 'vitest'

import type { Clock } from '../engine/ports.ts'

/** A clock, and a way to let time go by on it. */
export interface ClockUnderTest {
  readonly clock: Clock
  /** Resolves when at least `ms` have gone by. */
  readonly pass: (ms: number) => Promise<void>
}

type Open = () => ClockUnderTest

/** What every Clock promises; implementers call it in a vitest test file of their own. Nothing in it is about speed. */
export function clockContract(name: string, open: Open): void {
  describe(`${name} keeps the Clock contract`, () => {
    waits(open)
    cancels(open)
    refuses(open)
  })
}

function waits(open: Open): void {
  test('a wait is over once, not before its time and not within the call', async () => {
    const { clock, pass } = open()
    const started = clock.now()
    const fired: number[] = []
    clock.after(30, () => fired.push(clock.now()))
    expect(fired).toEqual([])

    await pass(30)
    await pass(100)

    expect(fired).toHaveLength(1)
    // A clock that counts whole milliseconds may be one behind.
    expect(fired[0]).toBeGreaterThanOrEqual(started + 29)
  })

  test('a wait of nothing is not within the call either', async () => {
    const { clock, pass } = open()
    const order: string[] = []
    clock.after(0, () => order.push('over'))
    order.push('asked')
    await pass(5)
    expect(order).toEqual(['asked', 'over'])
  })

  test('waits end in the order of their times; those of one time, as they were asked for', async () => {
    const { clock, pass } = open()
    const order: string[] = []
    for (const [name, ms] of [
      ['late', 60],
      ['early', 10],
      ['early too', 10],
    ] as const) {
      clock.after(ms, () => order.push(name))
    }
    await pass(200)
    expect(order).toEqual(['early', 'early too', 'late'])
  })

  test('the end of a wait may begin another', async () => {
    const { clock, pass } = open()
    const ends: number[] = []
    clock.after(5, () => {
      ends.push(1)
      clock.after(5, () => ends.push(2))
    })
    await pass(100)
    await pass(100)
    expect(ends).toEqual([1, 2])
  })

  test.each([2 ** 31, 2 ** 32 + 5, 30 * 24 * 3_600_000, Number.MAX_SAFE_INTEGER])(
    'a wait of %i ms is not over at once',
    async (ms) => {
      const { clock, pass } = open()
      let isOver = false
      onTestFinished(clock.after(ms, () => (isOver = true)))
      await pass(50)
      expect(isOver).toBe(false)
    },
  )
}

function cancels(open: Open): void {
  test('a cancelled wait never ends, and others do', async () => {
    const { clock, pass } = open()
    const ends: string[] = []
    const cancel = clock.after(10, () => ends.push('cancelled'))
    clock.after(20, () => ends.push('kept'))
    cancel()
    cancel()
    await pass(100)
    expect(ends).toEqual(['kept'])
  })

  test('cancelling what is over is harmless', async () => {
    const { clock, pass } = open()
    let ends = 0
    const cancel = clock.after(1, () => (ends += 1))
    await pass(50)
    cancel()
    await pass(50)
    expect(ends).toBe(1)
  })

  test('the end of a wait may cancel another', async () => {
    const { clock, pass } = open()
    const ends: string[] = []
    clock.after(5, () => {
      ends.push('first')
      cancel()
    })
    const cancel = clock.after(60, () => ends.push('second'))
    await pass(150)
    expect(ends).toEqual(['first'])
  })
}

function refuses(open: Open): void {
  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('%f is no time to wait', (ms) => {
    const { clock } = open()
    const ask = (): unknown => clock.after(ms, () => {})
    expect(ask).toThrow(expect.objectContaining({ name: 'UsageError', code: 'ARGUMENT_INVALID' }))
  })
}
