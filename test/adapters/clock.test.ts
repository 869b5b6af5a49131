import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, describe, expect, test, vi } from 'vitest'

import { systemClock } from '../../src/adapters/clock/index.ts'
import { clockContract } from '../../src/testing/clock-contract.ts'
import { virtualClock } from '../../src/testing/virtual-clock.ts'

const DAY_MS = 24 * 3_600_000

/** How many of them keep the process alive. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
}

clockContract('the system clock', () => ({ clock: systemClock(), pass: sleep }))

clockContract('the virtual clock', () => {
  const clock = virtualClock()
  return { clock, pass: async (ms) => clock.advance(ms) }
})

describe('the system clock', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  test('tells the time of day', () => {
    const before = Date.now()
    const now = systemClock().now()
    expect(now).toBeGreaterThanOrEqual(before)
    expect(now).toBeLessThanOrEqual(Date.now())
  })

  test.each([2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 60 * DAY_MS])('a wait of %i ms is as long as that', (ms) => {
    vi.useFakeTimers()
    const end = vi.fn<() => void>()
    systemClock().after(ms, end)

    vi.advanceTimersByTime(ms - 1)
    expect(end).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(end).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a long wait can be cancelled when a part of it is over', () => {
    vi.useFakeTimers()
    const end = vi.fn<() => void>()
    const cancel = systemClock().after(60 * DAY_MS, end)
    vi.advanceTimersByTime(40 * DAY_MS)
    cancel()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(40 * DAY_MS)
    expect(end).not.toHaveBeenCalled()
  })

  test('a wait keeps the process alive until it is cancelled', () => {
    const before = timers()
    const cancel = systemClock().after(DAY_MS, () => {})
    expect(timers()).toBe(before + 1)
    cancel()
    expect(timers()).toBe(before)
  })
})

describe('the virtual clock', () => {
  test('stands still by itself, and starts where it was told', async () => {
    const clock = virtualClock({ now: 1_000 })
    let isOver = false
    clock.after(1, () => (isOver = true))
    await sleep(20)
    expect([clock.now(), isOver]).toEqual([1_000, false])
  })

  test('each wait ends at its own time, also one that is begun meanwhile', async () => {
    const clock = virtualClock({ now: 1_000 })
    const ends: number[] = []
    const again = (): void => {
      ends.push(clock.now())
      clock.after(100, again)
    }
    clock.after(100, again)
    await clock.advance(350)
    expect(ends).toEqual([1_100, 1_200, 1_300])
    expect([clock.now(), clock.pending()]).toEqual([1_350, 1])
  })

  test('what follows from the end of a wait is done before the next one ends', async () => {
    const clock = virtualClock()
    const order: string[] = []
    const follow = async (name: string): Promise<void> => {
      order.push(`${name} begins`)
      for (let i = 0; i < 20; i++) await Promise.resolve()
      order.push(`${name} is done`)
    }
    clock.after(1, () => void follow('a'))
    clock.after(2, () => void follow('b'))
    await clock.advance(10)
    expect(order).toEqual(['a begins', 'a is done', 'b begins', 'b is done'])
  })

  test('a jump changes the time of day, ends nothing, and leaves waits as long as they were', async () => {
    const clock = virtualClock({ now: DAY_MS })
    let isOver = false
    clock.after(1_000, () => (isOver = true))

    clock.jump(-3_600_000)
    expect([clock.now(), isOver]).toEqual([DAY_MS - 3_600_000, false])
    clock.jump(2 * DAY_MS)
    await clock.advance(999)
    expect(isOver).toBe(false)
    await clock.advance(1)
    expect([isOver, clock.pending()]).toEqual([true, 0])
  })

  test('what a callback throws is told to the one who moved the clock', async () => {
    const clock = virtualClock()
    clock.after(1, () => {
      throw new RangeError('boom')
    })
    await expect(clock.advance(1)).rejects.toThrow('boom')
  })
})
