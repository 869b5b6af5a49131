// What lint cannot see of a machine: the keys of its definition. A machine that waits (`after`), starts something
// (`invoke`) or remembers a place (history) would be more than what its journal of events says.
import { readdir } from 'node:fs/promises'

import { describe, expect, test } from 'vitest'
import { type AnyStateNode, createMachine, StateMachine } from 'xstate'

import * as exported from '../../src/machines/index.ts'

const STRATEGIES = ['blue-green', 'canary', 'pipeline', 'rollback', 'smoke']
const machines = Object.values(exported).filter((value) => value instanceof StateMachine)

describe.each(machines.map(({ id, root, implementations }) => ({ id, root, implementations })))(
  'the $id machine',
  ({ root, implementations }) => {
    test('waits for nothing, starts nothing and remembers no place', () => {
      expect(ownWill(root)).toEqual([])
    })

    test('brings neither actors nor delays', () => {
      const { actors, delays } = implementations
      expect([...Object.keys(actors), ...Object.keys(delays)]).toEqual([])
    })
  },
)

test('every strategy that has a file is exported as a machine of that name', async () => {
  const files = await readdir(new URL('../../src/machines/', import.meta.url))
  const written = STRATEGIES.filter((name) => files.includes(`${name}.ts`))
  expect(machines.map(({ id }) => id).toSorted()).toEqual(written)
})

test('a waiting, starting or remembering state would be found at any depth', () => {
  const machine = createMachine({
    initial: 'outer',
    states: {
      outer: {
        initial: 'inner',
        states: { inner: { after: { 1000: 'inner' } }, past: { type: 'history' } },
        invoke: { src: 'anything' },
      },
    },
  })
  expect(ownWill(machine.root)).toEqual(['outer: invoke', 'outer.inner: after', 'outer.past: history'])
})

/** Every state that would do something without an event, or be entered by memory. */
function ownWill(node: AnyStateNode): readonly string[] {
  const { after, invoke, type } = node.config
  const found = [after && 'after', invoke && 'invoke', type === 'history' && 'history'].filter(Boolean)
  return [
    ...found.map((what) => `${node.path.join('.')}: ${what}`),
    ...Object.values(node.states).flatMap((child) => ownWill(child)),
  ]
}
