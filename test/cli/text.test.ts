import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'

import { fit, pad, plain, plainLines, widthOf, wrap } from '../../src/cli/text.ts'

const ESC = String.fromCharCode(0x1b)
const RIGHT_TO_LEFT = String.fromCharCode(0x202e)

describe('text from others', () => {
  test.each([
    [`${ESC}[2J${ESC}[31mred`, String.raw`\x1b[2J\x1b[31mred`],
    ['two\nlines\tand\ra tab', 'two lines and a tab'],
    [`invoice${RIGHT_TO_LEFT}fdp.exe`, String.raw`invoice\u202efdp.exe`],
    [`${String.fromCharCode(0x9b)}31m`, String.raw`\x9b31m`],
    [`a${String.fromCharCode(0)}b${String.fromCharCode(7)}`, String.raw`a\x00b\x07`],
    ['grüße → 日本', 'grüße → 日本'],
  ])('%j can not steer a terminal', (text, shown) => {
    expect(plain(text)).toBe(shown)
  })

  test('keeps its lines where it is a frame of code', () => {
    expect(plainLines(`a\n\tb${ESC}\r\nc`)).toBe(`a\n  b${String.raw`\x1b`}\nc`)
  })

  property.prop([fc.string({ unit: 'binary' })])('holds nothing that a terminal obeys', (text) => {
    expect(plain(text)).not.toMatch(/[\p{Cc}\u202A-\u202E\u2066-\u2069\u2028\u2029]/u)
  })
})

describe('columns', () => {
  test.each([
    ['abc', 3],
    ['日本', 4],
    ['🚀', 2],
    ['é', 1],
    ['', 0],
  ])('%s takes its columns', (text, width) => {
    expect(widthOf(text)).toBe(width)
  })

  property.prop([fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 40 })])(
    'are never more than there is room for',
    (text, columns) => {
      expect(widthOf(fit(plain(text), columns))).toBeLessThanOrEqual(columns)
      expect(widthOf(pad(plain(text), columns))).toBe(columns)
    },
  )

  test('a text that does not fit says that something is missing', () => {
    expect([fit('abcdef', 4), fit('abcd', 4), fit('日本語', 4), fit('abcdef', 4, '...')]).toEqual([
      'abc…',
      'abcd',
      '日…',
      'a...',
    ])
  })

  test('a long text is broken at spaces, and its rest stands in the last line', () => {
    expect(wrap('one two three four five', 9, 2)).toEqual(['one two', 'three four five'])
    expect(wrap('', 9, 2)).toEqual([''])
  })
})
