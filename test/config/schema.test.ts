import { readFile } from 'node:fs/promises'

import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'

import { configSchema } from '../../src/config/index.ts'
import { LEAST, SWAP } from './kit.ts'

const example = await readFile(new URL('../../examples/rollout.yaml', import.meta.url), 'utf8')

describe('the schema for editors', () => {
  test('in schema.json is the one of the code: otherwise run `npm run schema`', async () => {
    const file = await readFile(new URL('../../schema.json', import.meta.url), 'utf8')
    expect(JSON.parse(file)).toEqual(configSchema())
  })

  test('is of draft 7, has no reference to itself, and says something about every key', () => {
    const { $schema, $ref, properties, required, additionalProperties } = configSchema()
    expect({ $schema, $ref, required, additionalProperties }).toEqual({
      $schema: 'http://json-schema.org/draft-07/schema#',
      $ref: undefined,
      required: ['name', 'strategy'],
      additionalProperties: false,
    })
    const described = Object.entries(properties as Record<string, { readonly description?: string }>)
    expect(
      described.filter(([key, { description }]) => key !== '$schema' && description === undefined),
    ).toEqual([])
    expect(described.length).toBeGreaterThan(30)
  })

  // The schema is read back by zod, so that this needs no other validator: keywords that zod does not know are no concern.
  const readBack = z.fromJSONSchema(configSchema())

  test.each([
    ['the least rollout', LEAST],
    ['the least of the other strategy', SWAP],
    ['the example', example],
  ])('takes %s', (_, text) => {
    expect(readBack.safeParse(parse(text)).error?.issues ?? []).toEqual([])
  })

  test.each([
    'stagingTimeout: 5 minutes',
    'stagingTimeout: 5',
    'name: a/b',
    'trafficSteps: [101]',
    'onBusy: supersed',
    'unknown: 1',
    'versions: { v1: {} }',
    'health: { kind: htpt }',
    'checks: [{ errorRate: { max: 2 } }]',
  ])('marks what the loader refuses: %s', (line) => {
    expect(readBack.safeParse({ ...parse(LEAST), ...parse(line) }).success).toBe(false)
  })
})
