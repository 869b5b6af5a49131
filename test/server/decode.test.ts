import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'

import { UsageError } from '../../src/errors.ts'
import type { OperatorEvent } from '../../src/events/rollout-event.ts'
import { decodeOperatorEvent, decodeRollbackRequest } from '../../src/server/decode.ts'
import { weight } from '../../src/units.ts'
import { post } from './ask.ts'
import { journal, served } from './kit.ts'

const EVERY_FIELD: readonly OperatorEvent[] = [
  { type: 'pause.requested', by: 'alice', reason: 'lunch' },
  { type: 'resume.requested', by: 'alice', reason: 'back' },
  { type: 'promote.requested', by: 'alice', reason: 'good', full: true },
  { type: 'abort.requested', by: 'alice', reason: 'bad', force: false, cause: 'manual' },
  { type: 'weight.requested', by: 'alice', reason: 'more', weight: weight(12.5) },
  { type: 'swap.requested', by: 'alice', reason: 'now' },
  { type: 'monitor.requested', by: 'alice', reason: 'longer', bakeMs: 1_000 },
]

/** What the decoder has to come to, said slowly: everything that it may let through. */
function isAllowed(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const fields = new Map<string, unknown>(Object.entries(value))
  const type = fields.get('type')
  const known = EVERY_FIELD.find((event) => event.type === type)
  if (known === undefined || (type === 'weight.requested' && !fields.has('weight'))) return false
  return [...fields].every(([key, field]) => Object.keys(known).includes(key) && isFieldAllowed(key, field))
}

function isFieldAllowed(key: string, field: unknown): boolean {
  switch (key) {
    case 'type':
      return true
    case 'full':
    case 'force':
      return field === true || field === false
    case 'weight':
      return isWhole(field, 10_000)
    case 'bakeMs':
      return isWhole(field, 31_622_400_000)
    case 'cause':
      return ['abort', 'manual', 'metrics-degraded'].some((cause) => cause === field)
    default:
      return isLine(field, key === 'by' ? 128 : 2_000)
  }
}

function isLine(field: unknown, longest: number): boolean {
  if (typeof field !== 'string' || field.length < 1 || field.length > longest) return false
  const codes = Array.from({ length: field.length }, (_, i) => field.charCodeAt(i))
  return field.isWellFormed() && codes.every((code) => code > 0x1f && (code < 0x7f || code > 0x9f))
}

function isWhole(field: unknown, most: number): boolean {
  return (
    typeof field === 'number' &&
    Number.isSafeInteger(field) &&
    !Object.is(field, -0) &&
    field >= 0 &&
    field <= most
  )
}

/** JSON that is often nearly right. */
const nearly: fc.Arbitrary<unknown> = fc
  .record(
    {
      type: fc.constantFrom(
        ...EVERY_FIELD.map(({ type }) => type),
        'rollout.requested',
        'version.failed',
        'toString',
        1,
      ),
      by: fc.oneof(
        fc.string(),
        fc.string({ unit: 'binary' }),
        fc.string({ minLength: 120, maxLength: 140 }),
        fc.json(),
      ),
      reason: fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('a\nb'), fc.jsonValue()),
      full: fc.oneof(fc.boolean(), fc.jsonValue()),
      force: fc.oneof(fc.boolean(), fc.jsonValue()),
      cause: fc.constantFrom('abort', 'manual', 'metrics-degraded', 'boredom', 'constructor', null),
      weight: fc.oneof(fc.constantFrom(-1, 0, 10_000, 10_001), fc.nat(10_000), fc.double(), fc.jsonValue()),
      bakeMs: fc.oneof(
        fc.constantFrom(31_622_400_000, 31_622_400_001),
        fc.maxSafeInteger(),
        fc.nat(),
        fc.jsonValue(),
      ),
      ['__proto__']: fc.constant({ full: true }),
    },
    { requiredKeys: ['type'], noNullPrototype: true },
  )
  .map((value) => ({ ...value }))

/** As few fields as a right event has, so that right ones occur. */
const few = nearly.chain((value) =>
  fc
    .subarray(Object.keys(value as object))
    .map((keys) =>
      Object.fromEntries(
        Object.entries(value as object).filter(([key]) => key === 'type' || keys.includes(key)),
      ),
    ),
)

const BOUNDARIES = [
  -1,
  0,
  10_000,
  10_001,
  31_622_400_000,
  31_622_400_001,
  0.5,
  true,
  null,
  '',
  'x',
  'a\nb',
  [],
  {},
]

/** Right but for one field, which is what is just about allowed somewhere. */
const nudged = fc
  .tuple(fc.constantFrom(...EVERY_FIELD), fc.nat(), fc.constantFrom(...BOUNDARIES))
  .map(([event, i, value]) => {
    const keys = Object.keys(event)
    return { ...event, [keys[i % keys.length] ?? '']: value }
  })

const json = fc
  .oneof(nudged, few, nearly, fc.jsonValue())
  .map((value): unknown => JSON.parse(JSON.stringify(value)))

describe('an event', () => {
  test.each(EVERY_FIELD)('with everything it may have gets through unchanged: $type', (event) => {
    expect(decodeOperatorEvent(JSON.parse(JSON.stringify(event)))).toEqual(event)
  })

  test.each(EVERY_FIELD)('with nothing but what it needs gets through unchanged: $type', ({ type }) => {
    const least = type === 'weight.requested' ? { type, weight: 0 } : { type }
    expect(decodeOperatorEvent(least)).toEqual(least)
  })

  property.prop([json], { numRuns: 2_000 })(
    'gets through if it is one, and is refused in words if not',
    (value) => {
      if (isAllowed(value)) expect(decodeOperatorEvent(value)).toEqual(value)
      else expect(() => decodeOperatorEvent(value)).toThrow(UsageError)
    },
  )

  test('is generated right often enough to mean something', () => {
    const right = fc.sample(json, 2_000).filter(isAllowed)
    expect(right.length).toBeGreaterThan(50)
    expect(new Set(right.map((value) => (value as OperatorEvent).type)).size).toBeGreaterThan(4)
  })

  property.prop([fc.array(json, { minLength: 20, maxLength: 20 })], { numRuns: 5 })(
    'reaches the engine only when it is one, whatever is posted',
    async (values) => {
      const reached: unknown[] = []
      const send = async (_: string, event: OperatorEvent): Promise<never> =>
        ({ at: reached.push(event) }) as never
      const server = await served({ ...journal().view, send })
      for (const value of values) {
        const { status } = await post(server.url, '/v1/rollouts/shop-1/events', {
          body: JSON.stringify(value),
        })
        expect(status).toBe(isAllowed(value) ? 200 : 400)
      }
      expect(reached).toEqual(values.filter(isAllowed))
      await server.close()
    },
  )

  test.each([
    [
      { type: 'pause.requestd' },
      "type: 'pause.requestd' is no event that can be sent",
      'pause.requested, resume.requested',
    ],
    [{ type: 'pause.requested', full: true }, "'full' is not known here", 'by, reason'],
    [{ type: 'weight.requested' }, 'weight: it is missing', ''],
    [
      { type: 'weight.requested', weight: '10' },
      "weight: expected basis points, got '10'",
      'from 0 to 10000',
    ],
    [{ type: 'abort.requested', cause: {} }, 'cause: an object is no cause', 'abort, claim-lost'],
    [[], 'the event: expected a JSON object, got a list', ''],
  ])('that is wrong is answered with what is allowed: %j', (value, message, hint) => {
    const error = refusal(() => decodeOperatorEvent(value))
    expect(error.message).toBe(message)
    expect(error.hint ?? '').toContain(hint)
  })
})

describe('a rollback', () => {
  const whole = { targetVersion: 'v1.2', force: true, cause: 'manual', reason: 'too slow', by: 'alice' }

  test('may say everything or nothing', () => {
    expect(decodeRollbackRequest(whole)).toEqual(whole)
    expect(decodeRollbackRequest({})).toEqual({})
  })

  test.each([
    [{ target: 'v1' }],
    [{ targetVersion: '' }],
    [{ targetVersion: '../v1' }],
    [{ targetVersion: { toString: 1 } }],
    [{ force: 'yes' }],
    [{ by: '' }],
    [{ reason: null }],
    [JSON.parse('{"__proto__":{}}')],
    ['v1'],
    [null],
  ])('is refused with anything else: %j', (value) => {
    expect(refusal(() => decodeRollbackRequest(value)).code).toBe('ARGUMENT_INVALID')
  })
})

function refusal(work: () => unknown): UsageError {
  try {
    work()
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
  throw new Error('it was not refused')
}
