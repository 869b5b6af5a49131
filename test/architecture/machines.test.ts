// What lint cannot see of a machine: the keys of its definition. A machine that waits (`after`), starts something
// (`invoke`) or remembers a place (history) would be more than what its journal of events says.
import { readdir } from 'node:fs/promises'

import { describe, expect, test } from 'vitest'
import { type AnyStateNode, type AnyTransitionDefinition, createMachine, StateMachine } from 'xstate'

import { commands } from '../../src/machines/command.ts'
import * as exported from '../../src/machines/index.ts'

const STRATEGIES = ['blue-green', 'canary', 'pipeline', 'rollback', 'smoke']
const machines = Object.values(exported).filter((value) => value instanceof StateMachine)

describe.each(
  machines.map(({ id, root, options, implementations }) => ({ id, root, options, implementations })),
)('the $id machine', ({ root, options, implementations }) => {
  test('waits for nothing, starts nothing and remembers no place', () => {
    expect(ownWill(root)).toEqual([])
  })

  test('brings neither actors nor delays', () => {
    const { actors, delays } = implementations
    expect([...Object.keys(actors), ...Object.keys(delays)]).toEqual([])
  })

  test('says what each of its states is, and what each of its transitions means', () => {
    expect(silent(root)).toEqual([])
  })

  test('goes on by itself for a few steps at most', () => {
    expect(options).toEqual({ maxIterations: 10 })
  })

  test('names no guard and no action that nobody brings', () => {
    const brought = [...Object.keys(implementations.guards), ...Object.keys(implementations.actions)]
    expect(namesIn(root).filter((name) => !brought.includes(name))).toEqual([])
  })
})

test('every guard and action that is brought is used by a machine', () => {
  const used = new Set(machines.flatMap(({ root }) => namesIn(root)))
  const brought = machines.flatMap(({ implementations: { guards, actions } }) => [
    ...Object.keys(guards),
    ...Object.keys(actions).filter((name) => !Object.hasOwn(commands, name)),
  ])
  expect(brought.filter((name) => !used.has(name))).toEqual([])
})

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

test('a state or a transition that says nothing would be found, and so would a name', () => {
  const machine = createMachine({
    id: 'planted',
    description: 'planted',
    initial: 'told',
    states: {
      told: {
        description: 'told',
        entry: 'greet',
        on: {
          said: { guard: 'isPolite', target: 'untold', description: 'said' },
          unsaid: { target: 'untold', actions: { type: 'wave' } },
          forbidden: {},
        },
      },
      untold: {},
    },
  })
  expect(silent(machine.root)).toEqual(['told: unsaid', 'untold'])
  expect(namesIn(machine.root)).toEqual(['greet', 'wave', 'isPolite'])
})

/** Every state and every transition that leads somewhere or does something, and does not say why. */
function silent(node: AnyStateNode): readonly string[] {
  const place = node.path.join('.') || node.machine.id
  const state = node.config.description === undefined ? [place] : []
  const transitions = [...node.transitions].flatMap(([event, candidates]) =>
    candidates
      .filter(({ target, actions, description }) => (target ?? actions[0]) !== undefined && !description)
      .map(() => `${place}: ${event}`),
  )
  return [...state, ...transitions, ...Object.values(node.states).flatMap((child) => silent(child))]
}

/** The guards and actions that a machine names, wherever it does. */
function namesIn(node: AnyStateNode): readonly string[] {
  const candidates = [...node.transitions.values()].flat()
  const named = [...node.entry, ...node.exit, ...candidates.flatMap(({ actions }) => actions)]
  const guards = candidates.flatMap(({ guard }) => (guard === undefined ? [] : [guard]))
  const own = [...named, ...guards].map(nameOf)
  return [...own, ...Object.values(node.states).flatMap((child) => namesIn(child))]
}

/** What has no name, because it was written on the spot, is called by its text. */
function nameOf(one: AnyStateNode['entry'][number] | NonNullable<AnyTransitionDefinition['guard']>): string {
  if (typeof one === 'string') return one
  return typeof one === 'function' ? one.toString() : one.type
}

/** Every state that would do something without an event, or be entered by memory. */
function ownWill(node: AnyStateNode): readonly string[] {
  const { after, invoke, type } = node.config
  const found = [after && 'after', invoke && 'invoke', type === 'history' && 'history'].filter(Boolean)
  return [
    ...found.map((what) => `${node.path.join('.')}: ${what}`),
    ...Object.values(node.states).flatMap((child) => ownWill(child)),
  ]
}
