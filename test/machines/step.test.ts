// The stepper against XState itself: the same machine, stepped by us, by `transition()` and by a live actor.
import { fc, test } from '@fast-check/vitest'
import { afterAll, beforeAll, describe, expect, vi } from 'vitest'
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  assign,
  createActor,
  initialTransition,
  setup,
  transition,
} from 'xstate'

import { UsageError } from '../../src/errors.ts'
import type { RolloutEvent, TimerName } from '../../src/events/rollout-event.ts'
import { allTo } from '../../src/events/share.ts'
import { commands } from '../../src/machines/command.ts'
import {
  type Command,
  pathOf,
  type Ready,
  smoke,
  stepper,
  type Strategy,
  strategies,
} from '../../src/machines/index.ts'
import {
  pipelineInput,
  releaseInput,
  rollbackInput,
  smokeInput,
  stepsOf,
  suiteTest,
} from '../../src/testing/inputs.ts'
import { weight } from '../../src/units.ts'

type Starting = readonly [strategy: Strategy, input: object]

const everything = { steps: stepsOf([100], 20_000) }
const { canary, pipeline, rollback, 'blue-green': blueGreen } = strategies

const starts: readonly Starting[] = [
  [canary, releaseInput({ claim: 7 })],
  [canary, releaseInput({ claim: 7, reversible: false, keepStable: true })],
  [blueGreen, releaseInput({ claim: 7, ...everything })],
  [blueGreen, releaseInput({ claim: 7, ...everything, stable: null, gates: 'manual' })],
  [rollback, rollbackInput({ claim: 7, from: ['v2', 'v3'] })],
  [rollback, rollbackInput({ claim: 7, restore: true })],
  [
    smoke,
    smokeInput({
      tests: ['a', 'b', 'c'].map((name) => suiteTest(name, { retries: 1 })),
      concurrency: 2,
      failFast: true,
    }),
  ],
  [pipeline, pipelineInput()],
  [pipeline, pipelineInput({ stable: null, reversible: false })],
]

// A live actor warns of each event that comes after its end.
beforeAll(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterAll(() => {
  vi.restoreAllMocks()
})

describe.each(Object.entries(strategies))('%s', (_, strategy) => {
  const inputs = starts.flatMap(([started, input]) => (started === strategy ? [input] : []))
  const walks = fc.tuple(fc.constantFrom(...inputs), luck())

  test.prop([walks])(
    "steps as XState's own transition() does, with the same commands",
    ([input, numbers]) => {
      const { machine } = strategy
      let [state, asked] = initialTransition(machine, input)
      let [next, more] = transition(machine, state, REQUESTED)
      let ready = strategy.start(input)
      expect(ready.commands).toEqual(commandsOf([...asked, ...more]))
      for (const number of numbers) {
        expect(persisted(machine, ready.snapshot)).toEqual(persisted(machine, next))
        if (next.status !== 'active') return
        const event = happening(ready, number)
        ;[next, more] = transition(machine, next, event)
        ready = strategy.step(ready.snapshot, event)
        expect(ready.commands).toEqual(commandsOf(more))
      }
    },
  )

  test.prop([walks])('is where a live actor is, also after the end', ([input, numbers]) => {
    const { machine } = strategy
    const actor = createActor(machine, { input })
    actor.start()
    actor.send(REQUESTED)
    for (const { ready, event } of walk(strategy, input, numbers)) {
      if (event !== null) actor.send(event)
      expect(persisted(machine, ready.snapshot)).toEqual(persisted(machine, actor.getSnapshot()))
    }
    actor.stop()
  })

  test.prop([walks])('steps from what a store gave back exactly as from memory', ([input, numbers]) => {
    const { machine } = strategy
    for (const { ready, before, event } of walk(strategy, input, numbers)) {
      if (before === null || event === null) continue
      const stored: unknown = JSON.parse(JSON.stringify(machine.getPersistedSnapshot(before)))
      const restored = strategy.step(strategy.restore(stored), event)
      expect(persisted(machine, restored.snapshot)).toEqual(persisted(machine, ready.snapshot))
      expect(restored.commands).toEqual(ready.commands)
    }
  })

  test.prop([walks])('has a context that is JSON', ([input, numbers]) => {
    for (const { ready } of walk(strategy, input, numbers)) {
      const context: unknown = ready.snapshot.context
      expect(JSON.parse(JSON.stringify(context))).toStrictEqual(context)
    }
  })

  test.prop([walks])(
    'asks for nothing any more once it has ended, and stays as it is',
    ([input, numbers]) => {
      for (const { ready, before } of walk(strategy, input, numbers)) {
        if (before === null || before.status === 'active') continue
        expect(ready).toEqual({ snapshot: before, commands: [] })
        expect(ready.snapshot).toBe(before)
      }
    },
  )

  test('has walks that come to an end, and others that do not', () => {
    const ends = fc
      .sample(walks, { numRuns: 300, seed: 1 })
      .map(([input, numbers]) => walk(strategy, input, numbers).at(-1)?.ready.snapshot.status)
    expect(new Set(ends)).toEqual(new Set(['active', 'done']))
  })
})

test('an abort that comes after the end moves no traffic, although transition() would ask for it', () => {
  const over = endOf(canary, releaseInput({ claim: 7, keepStable: true, ...everything }))
  const abort = { type: 'abort.requested' } as const
  expect(pathOf(over.value)).toBe('promoted')
  expect(canary.step(over, abort)).toEqual({ snapshot: over, commands: [] })
  const [, actions] = transition(canary.machine, over, abort)
  expect(commandsOf(actions).map(({ type }) => type)).toContain('shiftTraffic')
})

test('what a context factory throws is thrown by the start, although XState only notes it', () => {
  const nothing = smokeInput({ tests: [] })
  expect(() => smoke.start(nothing)).toThrow(UsageError)
  expect(initialTransition(smoke.machine, nothing)[0].status).toBe('error')
})

test('what a guard throws is thrown by the step', () => {
  const machine = setup({
    actions: commands,
    guards: {
      breaks: () => {
        throw new RangeError('broken')
      },
    },
  }).createMachine({ on: { go: { guard: 'breaks' } } })
  const core = stepper(machine)
  expect(() => core.step(core.start({}).snapshot, { type: 'go' })).toThrow('broken')
})

test('an action that is no command is a bug, and throws', () => {
  const named = setup({ actions: { ...commands, dance: () => {} } }).createMachine({
    on: { go: { actions: 'dance' } },
  })
  const unnamed = setup({ actions: commands }).createMachine({ on: { go: { actions: () => {} } } })
  for (const core of [stepper(named), stepper(unnamed)]) {
    expect(() => core.step(core.start({}).snapshot, { type: 'go' })).toThrow(/is not a command/)
  }
})

test('a machine that goes on for ever by itself is stopped', () => {
  const machine = setup({
    types: { context: {} as { readonly n: number } },
    actions: { ...commands, count: assign({ n: ({ context }) => context.n + 1 }) },
  }).createMachine({
    options: { maxIterations: 10 },
    context: { n: 0 },
    initial: 'calm',
    states: {
      calm: { on: { go: 'ping' } },
      ping: { always: { target: 'pong', actions: 'count' } },
      pong: { always: { target: 'ping', actions: 'count' } },
    },
  })
  const core = stepper(machine)
  expect(() => core.step(core.start({}).snapshot, { type: 'go' })).toThrow(/10 microsteps/)
})

test('rollouts that take turns on one stepper do not hear of each other', () => {
  const input = releaseInput({ claim: 7 })
  const [one, other] = [canary.start(input), canary.start(input)]
  const asked = structuredClone(one.commands)
  const shifted = canary.step(one.snapshot, readiness('v2'))
  const failed = canary.step(other.snapshot, { type: 'version.failed', version: 'v2', reason: 'no port' })
  expect(one.commands).toEqual(asked)
  expect(pathOf(shifted.snapshot.value)).toBe('shifting')
  expect(pathOf(failed.snapshot.value)).toBe('rolling-back.returning')
  expect(shifted.commands.filter(({ type }) => type === 'shiftTraffic')).toHaveLength(1)
})

const REQUESTED = { type: 'rollout.requested' } as const
const GENERATION = { claim: 7, n: 1 }

/** Numbers that choose what happens; long enough for a whole rollout. */
function luck(): fc.Arbitrary<readonly number[]> {
  return fc.array(fc.nat(9_999), { maxLength: 60, size: 'max' })
}

interface Step {
  readonly before: AnyMachineSnapshot | null
  readonly event: RolloutEvent | null
  readonly ready: Ready<AnyMachineSnapshot>
}

/** A walk that is as long as its luck, whether the rollout ends on the way or not; nobody can write into a context. */
function walk(strategy: Strategy, input: object, numbers: readonly number[]): readonly Step[] {
  let last = strategy.start(input)
  const steps: Step[] = [{ before: null, event: null, ready: last }]
  for (const number of numbers) {
    deepFreeze(last.snapshot.context)
    const event = happening(last, number)
    const before = last.snapshot
    last = strategy.step(before, event)
    steps.push({ before, event, ready: last })
  }
  return steps
}

/** What happens next: mostly what was asked for, now and then anything. */
function happening({ snapshot, commands: asked }: Ready<AnyMachineSnapshot>, number: number): RolloutEvent {
  const replies = [...asked.flatMap(repliesTo), ...observations(snapshot)]
  const likely = replies[number % Math.max(1, replies.length)]
  return number % 5 > 0 && likely !== undefined
    ? likely
    : (ANYTHING[number % ANYTHING.length] ?? { type: 'resume.requested' })
}

function repliesTo({ type, params }: Command): readonly RolloutEvent[] {
  const reason = 'it says no'
  switch (type) {
    case 'startVersion':
      return [readiness(params.version), { type: 'version.failed', version: params.version, reason }]
    case 'stopVersion':
      return [{ type: 'version.stopped', version: params.version }]
    case 'shiftTraffic':
      return [
        { type: 'traffic.shifted', ...params },
        { type: 'traffic.rejected', generation: params.generation, reason },
      ]
    case 'drainVersion':
      return [{ type: 'traffic.drained', version: params.version, cut: 1 }]
    case 'startTimer':
      return [{ type: `${params.timer}.elapsed` }]
    case 'runTest':
      return (['passed', 'failed'] as const).map((status) => ({
        type: 'test.concluded',
        test: params.test,
        attempt: params.attempt,
        answer: { status, message: status, durationMs: 3 },
      }))
    case 'startChild':
      return (['promoted', 'passed', 'rolled-back', 'failed'] as const).map((status) => ({
        type: 'child.ended',
        slot: params.slot,
        run: params.run,
        outcome: { status, cause: null, reason: null },
      }))
    case 'cancelTimer':
    case 'tellChild':
    case 'page':
      return []
  }
}

/** What those who watch would say of the split in force. */
function observations({ context }: AnyMachineSnapshot): readonly RolloutEvent[] {
  const n: unknown = context.n
  return typeof n === 'number' ? judgements({ claim: 7, n }) : []
}

function judgements(generation: typeof GENERATION): readonly RolloutEvent[] {
  const seen = { type: 'analysis.concluded', generation, current: null, baseline: null } as const
  return [
    { ...seen, verdict: { kind: 'pass' }, suspicion: 'cleared', observedMs: 20_000 },
    { ...seen, verdict: { kind: 'error', reason: 'blind' }, suspicion: 'raised', observedMs: 0 },
    {
      ...seen,
      verdict: { kind: 'fail', check: 'error-rate', reason: 'too many' },
      suspicion: 'raised',
      observedMs: 0,
    },
  ]
}

function readiness(version: string): RolloutEvent {
  return { type: 'version.ready', version, endpoints: [] }
}

const TIMERS: readonly TimerName[] = ['budget', 'deadline', 'progress', 'retire', 'retry']

/** Anything that may be said to a rollout at any time. */
const ANYTHING: readonly RolloutEvent[] = [
  REQUESTED,
  { type: 'pause.requested' },
  { type: 'resume.requested' },
  { type: 'promote.requested' },
  { type: 'promote.requested', full: true },
  { type: 'weight.requested', weight: weight(10) },
  { type: 'swap.requested' },
  { type: 'monitor.requested', bakeMs: 10_000 },
  { type: 'abort.requested' },
  { type: 'abort.requested', force: true },
  { type: 'claim.lost', by: 'another rollout' },
  { type: 'version.exited', version: 'v2', reason: 'killed' },
  ...(['healthy', 'suspect', 'unhealthy'] as const).flatMap((health) =>
    ['v1', 'v2'].map((version) => ({ type: 'probe.concluded', version, health, reason: health }) as const),
  ),
  ...TIMERS.map((timer) => ({ type: `${timer}.elapsed` }) as const),
  { type: 'traffic.shifted', generation: GENERATION, split: allTo('v1') },
  ...judgements(GENERATION),
]

/** A rollout that everything goes well for. */
function endOf(strategy: Strategy, input: object): AnyMachineSnapshot {
  let { snapshot, commands: asked } = strategy.start(input)
  for (let steps = 0; snapshot.status === 'active' && steps < 20; steps++) {
    const replies = asked.flatMap(repliesTo).filter(({ type }) => !type.endsWith('.elapsed'))
    const [event] = [...replies, ...observations(snapshot)]
    if (event === undefined) break
    ;({ snapshot, commands: asked } = strategy.step(snapshot, event))
  }
  return snapshot
}

function commandsOf(
  actions: readonly { readonly type: string; readonly params: unknown }[],
): readonly { readonly type: string; readonly params: unknown }[] {
  return actions
    .filter(({ type }) => !type.startsWith('xstate.'))
    .map(({ type, params }) => ({ type, params }))
}

function persisted(machine: AnyStateMachine, snapshot: AnyMachineSnapshot): unknown {
  return machine.getPersistedSnapshot(snapshot)
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const inner of Object.values(value)) deepFreeze(inner)
}
