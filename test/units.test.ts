import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'

import { UsageError } from '../src/errors.ts'
import { count, formatMs, name, percentOf, ratio, rest, toMs, toPositiveMs, weight } from '../src/units.ts'

const HOUR = 3_600_000

/** What JavaScript lets through where TypeScript would not. */
const alien = (value: unknown) => value as never

function refused(work: () => unknown): UsageError {
  try {
    work()
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
  throw new Error('it was taken')
}

describe('a duration', () => {
  test.each([
    ['0s', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['2m', 120_000],
    ['1h30m', 1.5 * HOUR],
    ['1.5h', 1.5 * HOUR],
    ['1h0m5s', HOUR + 5_000],
    ['720h', 720 * HOUR],
    ['8784h', 366 * 24 * HOUR],
  ])('%s is %i ms', (text, ms) => {
    expect(toMs(text)).toBe(ms)
  })

  test.each([
    '5',
    '',
    ' ',
    's',
    '-5s',
    '+5s',
    '5 s',
    ' 5s',
    '5s ',
    '5s\n',
    '5 minutes',
    '1,5h',
    '1.h',
    '.5h',
    '5S',
    '5min',
    '5d',
    '5s5s',
    '5s2m',
    '5m5h',
    '1e3s',
    '0x5s',
    '٥s',
    'Infinitys',
    'NaNs',
    '8785h',
    '999999999999999999999h',
    '5s\0',
  ])('%j is none', (text) => {
    expect(refused(() => toMs(text, 'bake'))).toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringMatching(/^bake: expected a duration, got /),
      hint: expect.stringContaining("'30s'"),
    })
  })

  test.each([5, Number.NaN, null, undefined, true, {}, ['5s'], Object.create(null), Symbol('5s'), 5n])(
    'a value that is no text is none, whatever it is',
    (value) => {
      expect(refused(() => toMs(alien(value))).code).toBe('ARGUMENT_INVALID')
    },
  )

  test('of a megabyte is refused at once, and its message is short', () => {
    for (const text of ['1'.repeat(1e6), '1s'.repeat(5e5), `${'1'.repeat(1e6)}s`, '1.'.repeat(5e5)]) {
      expect(refused(() => toMs(text)).message.length).toBeLessThan(200)
    }
  })

  test('of nothing is refused where it has to last', () => {
    expect(refused(() => toPositiveMs('0s', 'window')).message).toBe(
      "window: expected more than zero, got '0s'",
    )
    expect(toPositiveMs('1ms')).toBe(1)
  })

  test.prop([fc.nat(366 * 24 * HOUR)])('that is printed reads as what it was, to three digits', (ms) => {
    const read = toMs(formatMs(ms))
    expect(Math.abs(read - ms)).toBeLessThanOrEqual(ms < 1_000 ? 0 : ms < 60_000 ? 50 : 500)
  })
})

describe('a weight', () => {
  test.each([
    [0, 0],
    [0.01, 1],
    [5, 500],
    [12.5, 1_250],
    [33.33, 3_333],
    [99.99, 9_999],
    [100, 10_000],
  ])('%d %% is %i basis points', (percent, points) => {
    expect(weight(percent)).toBe(points)
  })

  test.each([
    Number.NaN,
    -0,
    -1,
    -0.01,
    100.0001,
    100.01,
    0.001,
    12.345,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1e-9,
  ])('%d is none', (percent) => {
    expect(refused(() => weight(percent, 'trafficSteps[0]'))).toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringMatching(/^trafficSteps\[0\]: expected a percentage, got /),
    })
  })

  test.each(['10', '', null, undefined, true, [10], {}, 10n])('%o is none', (value) => {
    expect(refused(() => weight(alien(value))).code).toBe('ARGUMENT_INVALID')
  })

  test('of minus zero is called so', () => {
    expect(refused(() => weight(-0)).message).toBe('weight: expected a percentage, got -0')
  })

  test.prop([fc.nat(10_000)])('comes back as the percentage it was made of', (points) => {
    expect(weight(percentOf(weight(points / 100)))).toBe(points)
  })

  test.prop([fc.nat(10_000)])('and the rest of it are everything', (points) => {
    expect(weight(points / 100) + rest(weight(points / 100))).toBe(10_000)
  })
})

describe('a name', () => {
  test.each(['v1', 'v1.4.2', 'shop', 'a', '2026-01-01', 'a_b+c-d.e', 'constructor', 'x'.repeat(64)])(
    '%s is one',
    (text) => {
      expect(name(text, 'version')).toBe(text)
    },
  )

  test.each([
    '',
    ' ',
    '.',
    '..',
    'a..b',
    '.hidden',
    'ends.',
    '-v',
    '__proto__',
    'a/b',
    '../../etc/passwd',
    'a\\b',
    'a b',
    'a*',
    'a>b',
    'a;b',
    'a\0b',
    'a\nb',
    'v1\n',
    'a\u202Eb',
    'ä',
    'x'.repeat(65),
    'x'.repeat(1e6),
  ])('%j is none', (text) => {
    const { code, message } = refused(() => name(text, 'version'))
    expect(code).toBe('ARGUMENT_INVALID')
    expect(message.length).toBeLessThan(200)
    // It goes to terminals and logs.
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })

  test.each([1, null, undefined, {}, ['v1'], Object.create(null), Symbol('v1')])(
    'a value that is no text is none',
    (value) => {
      expect(refused(() => name(alien(value), 'version')).code).toBe('ARGUMENT_INVALID')
    },
  )
})

describe('a ratio', () => {
  test.each([0, 0.01, 1])('%d is one', (value) => {
    expect(ratio(value)).toBe(value)
  })

  test.each([-0.01, 1.01, 5, Number.NaN, Number.POSITIVE_INFINITY, alien('0.5'), alien(null)])(
    '%o is none',
    (value) => {
      expect(refused(() => ratio(value, 'errorRate.max')).message).toMatch(
        /^errorRate\.max: expected a ratio/,
      )
    },
  )
})

describe('a count', () => {
  test.each([-1, 0.5, 11, Number.NaN, Number.POSITIVE_INFINITY, alien('5')])(
    '%o is none from 0 to 10',
    (value) => {
      expect(refused(() => count(value, 'retries', { most: 10 }))).toMatchObject({
        code: 'ARGUMENT_INVALID',
        hint: 'Write a whole number from 0 to 10',
      })
    },
  )

  test('is one from the least to the most', () => {
    expect([count(0, 'n', { most: 10 }), count(10, 'n', { most: 10 })]).toEqual([0, 10])
  })
})
