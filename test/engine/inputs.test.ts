import { expect, test } from 'vitest'

import { inputFor } from '../../src/engine/inputs.ts'
import { freshService, introduced, type ServiceRecord } from '../../src/engine/record.ts'
import type { RolloutSpec } from '../../src/engine/spec.ts'
import { blueGreenSpec, canarySpec, pipelineSpec, rollbackSpec, SECOND } from './kit.ts'

/** A service whose stable version v1 takes a minute to stop, and is asked every 20 s whether it is well. */
function slow(): ServiceRecord {
  const { run, health, version } = canarySpec('v1')
  const known = introduced(freshService('shop'), {
    version,
    run: { ...run, stopGraceMs: 60 * SECOND },
    health: { ...health, intervalMs: 20 * SECOND, threshold: 3 },
  })
  return { ...known, stable: 'v1', live: 'blue' }
}

test('a first release gets everything at once, and bakes as long as its last step', () => {
  const spec = canarySpec('v1', { steps: [5, 25] })
  expect(inputFor(spec, freshService('shop'), 1)).toMatchObject({
    stable: null,
    steps: [{ weight: 10_000, bakeMs: 10 * SECOND }],
  })
})

test.each<readonly [string, RolloutSpec]>([
  ['a canary', canarySpec('v2')],
  ['a blue-green release', blueGreenSpec('v2')],
  ['a rollback', rollbackSpec('shop', { targetVersion: 'v1' })],
  ['a pipeline', pipelineSpec('v2')],
])('%s gives a version as long to stop as the slowest of them may take', (_, spec) => {
  expect(inputFor(spec, slow(), 1)).toMatchObject({ stopMs: 60 * SECOND })
})

test('a release gives its own version as long to stop as it may take', () => {
  const { run } = canarySpec('v2')
  const spec = canarySpec('v2', { run: { ...run, stopGraceMs: 90 * SECOND } })
  expect(inputFor(spec, slow(), 1)).toMatchObject({ stopMs: 90 * SECOND })
})

test('a rollback verifies for as long as it takes to hear often enough that its target is well', () => {
  const spec = rollbackSpec('shop', { targetVersion: 'v1' }, { verifyMs: 30 * SECOND })
  expect(inputFor(spec, slow(), 1)).toMatchObject({ verifyMs: 4 * 21 * SECOND })
})

test('a blue-green release takes the environment that is not live, and a canary takes none', () => {
  expect(inputFor(blueGreenSpec('v2'), slow(), 1)).toMatchObject({ environment: 'green' })
  expect(inputFor(canarySpec('v2'), slow(), 1)).toMatchObject({ environment: null })
})
