// Everyday rollouts for tests of the engine, and ways to wait for them in virtual time.
import { onTestFinished } from 'vitest'

import { type Check, errorRate } from '../../src/analysis/checks.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { rollbackSpec } from '../../src/engine/rollback-spec.ts'
import type { PipelineSpec, ReleaseSpec, ReleaseTimes, SmokeSpec } from '../../src/engine/spec.ts'
import type { RolloutView } from '../../src/engine/view.ts'
import { stepsOf } from '../../src/testing/inputs.ts'
import { type Controller, SimulatedWorld, type WorldOptions } from '../../src/testing/simulated/world.ts'

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const DAY = 24 * 60 * MINUTE

const CHECKS: readonly Check[] = [errorRate({ max: 0.05, minSamples: 50, failureLimit: 0 })]

const TIMES: ReleaseTimes = {
  stagingMs: 5 * MINUTE,
  shiftingMs: 30 * SECOND,
  progressMs: 30 * MINUTE,
  degradedMs: MINUTE,
  retireMs: 10 * SECOND,
  drainMs: 5 * SECOND,
  rollbackDrainMs: 5 * SECOND,
  returnBudgetMs: MINUTE,
}

/** How a release differs from {@link canarySpec}'s; `steps` in percent. */
export interface Changed extends Partial<Omit<ReleaseSpec, 'steps' | 'times'>> {
  readonly steps?: readonly number[]
  readonly bakeMs?: number
  readonly times?: Partial<ReleaseTimes>
}

/** A canary of `shop` in three steps with a bake of 10 s each. */
export function canarySpec(version: string, changed: Changed = {}): ReleaseSpec {
  const { steps = [5, 25, 100], bakeMs = 10 * SECOND, times, ...rest } = changed
  return {
    strategy: 'canary',
    service: 'shop',
    version,
    listen: { host: '127.0.0.1', port: 0 },
    run: { command: ['serve', version], env: {}, cwd: '/', replicas: 1, stopGraceMs: SECOND },
    health: { probe: { kind: 'tcp', timeoutMs: SECOND }, intervalMs: 5 * SECOND, threshold: 2 },
    checks: CHECKS,
    windowMs: SECOND,
    steps: stepsOf(steps, bakeMs),
    gates: 'auto',
    keepStable: false,
    reversible: true,
    times: { ...TIMES, ...times },
    by: null,
    why: null,
    ...rest,
  }
}

/** Two environments, one swap, and a bake of 10 s. */
export function blueGreenSpec(version: string, changed: Changed = {}): ReleaseSpec {
  return canarySpec(version, { strategy: 'blue-green', steps: [100], ...changed })
}

/** Smoke tests of these names, one attempt each. */
export function smokeSpec(names: readonly string[], changed: Partial<SmokeSpec> = {}): SmokeSpec {
  return {
    strategy: 'smoke',
    service: 'shop',
    version: 'v2',
    endpointUrl: 'http://127.0.0.1:1',
    tests: names.map((name) => ({
      test: { kind: 'function', name },
      severity: 'critical',
      timeoutMs: 10 * SECOND,
      retries: 0,
    })),
    failFast: false,
    concurrency: 4,
    budgetMs: 10 * MINUTE,
    by: null,
    why: null,
    ...changed,
  }
}

/** A blue-green release with one smoke test. */
export function pipelineSpec(version: string, changed: Partial<PipelineSpec> = {}): PipelineSpec {
  return {
    strategy: 'pipeline',
    service: 'shop',
    version,
    release: blueGreenSpec(version, { keepStable: true }),
    smoke: smokeSpec(['works'], { version, endpointUrl: null }),
    by: null,
    why: null,
    ...changed,
  }
}

export { rollbackSpec }

/** A world with its first controller, which is closed when the test ends. */
export async function worldAndEngine(
  options: WorldOptions = {},
): Promise<{ world: SimulatedWorld; engine: Engine; controller: Controller }> {
  const world = new SimulatedWorld(options)
  const controller = await controllerOf(world)
  return { world, controller, engine: controller.engine }
}

/** Another controller on the same world. */
export async function controllerOf(
  world: SimulatedWorld,
  more: Parameters<SimulatedWorld['controller']>[0] = {},
): Promise<Controller> {
  const controller = await world.controller(more)
  onTestFinished(() => controller.crash())
  return controller
}

/** Makes `version` the stable one of its service, by a first release; resolves when that has ended. */
export async function stable(world: SimulatedWorld, engine: Engine, spec: ReleaseSpec): Promise<void> {
  const view = await ended(world, engine, await engine.start(spec))
  if (view.outcome?.status !== 'promoted') throw new Error(`it was ${view.outcome?.status}`)
}

/** v1 is stable, and a release of v2 is under way. */
export async function releasing(
  spec: ReleaseSpec | PipelineSpec = canarySpec('v2'),
  options: WorldOptions = {},
): Promise<{ world: SimulatedWorld; engine: Engine; controller: Controller; id: string }> {
  const all = await worldAndEngine(options)
  await stable(all.world, all.engine, canarySpec('v1', { service: spec.service }))
  const id = await all.engine.start(spec)
  return { ...all, id }
}

/** Lets time go by until it holds; fails when it does not within `limitMs` of virtual time. */
export async function until(
  world: SimulatedWorld,
  holds: () => boolean,
  { limitMs = 60 * MINUTE, stepMs = 100 }: { readonly limitMs?: number; readonly stepMs?: number } = {},
): Promise<void> {
  for (let left = limitMs; !holds(); left -= stepMs) {
    if (left <= 0) throw new Error(`it did not happen within ${limitMs} ms`)
    await world.clock.advance(stepMs)
  }
}

/** Lets time go by until a rollout, which may not have begun yet, is in a state (a path, or the start of one). */
export async function reaches(
  world: SimulatedWorld,
  engine: Engine,
  { id, state }: { readonly id: string; readonly state: string },
): Promise<void> {
  await until(world, () => {
    const now = rolloutsOf(engine).find((view) => view.id === id)?.state
    return now === state || now?.startsWith(`${state}.`) === true
  })
}

/** Lets time go by until a rollout has ended. */
export async function ended(world: SimulatedWorld, engine: Engine, id: string): Promise<RolloutView> {
  await until(world, () => engine.rollout(id).status === 'ended')
  return engine.rollout(id)
}

/** All rollouts of all services. */
function rolloutsOf(engine: Engine): readonly RolloutView[] {
  return engine.services().flatMap(({ rollouts }) => rollouts)
}
