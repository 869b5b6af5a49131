import { describe, expect, test } from 'vitest'

import { scrubLine } from '../../src/engine/scrub.ts'

describe('a scrubbed line', () => {
  test.each([
    ['two\nlines', 'two lines'],
    ['  much \r\n\t space ', 'much space'],
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b]0;title\u0007text', 'text'],
    ['\u001b]8;;http://a/\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['a\u0000b\u0007c\u001bd\u009b', 'abc'],
    ['a\u202eb\u200bc', 'abc'],
    ['', ''],
  ])('of %j is %j', (text, line) => {
    expect(scrubLine(text)).toBe(line)
  })

  test.each(['token=s3cret', 'to\u200bken=s3cret', 'tok\u001b[1men=s3cret', 'Bearer \u0000s3cret99'])(
    'shows no secret of %j',
    (text) => {
      expect(scrubLine(text)).not.toContain('s3cret')
    },
  )

  test('has its length', () => {
    expect(scrubLine('x'.repeat(1_000))).toBe(`${'x'.repeat(299)}…`)
    expect(scrubLine('x'.repeat(300))).toBe('x'.repeat(300))
    expect(scrubLine('x'.repeat(300), 10)).toHaveLength(10)
  })

  test.each(['\u001b', '\u001b]', '\u001b[', '\u001b[0', '\u200b', ' '])(
    'of ten million times %j is done at once',
    (part) => {
      expect(scrubLine(part.repeat(10_000_000)).length).toBeLessThanOrEqual(300)
    },
  )
})
