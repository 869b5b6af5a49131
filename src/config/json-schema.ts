import * as z from 'zod'

import { rolloutSchema } from './schema.ts'

/** The JSON Schema (draft-07) of a rollout file, for editors. It allows a little more than the loader does. */
export function configSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(rolloutSchema, { target: 'draft-7', io: 'input' })
  return {
    $schema,
    title: 'A Sluice rollout',
    description: 'What is released, how its traffic is shifted, and what has to hold meanwhile',
    ...schema,
  }
}
