// Steps that are remembered for good, in each second: one engine on SQLite, pausing and resuming rollouts.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { systemClock } from '../src/adapters/clock/index.ts'
import { sqliteStore } from '../src/adapters/sqlite-store/index.ts'
import { Engine } from '../src/engine/engine.ts'
import { instantWorld, releaseOf } from './world.ts'

export interface DurableFigures {
  /** One rollout, each step after the one before. */
  readonly alone: number
  /** A hundred rollouts of a hundred services at once. */
  readonly hundred: number
}

export async function benchDurable({ steps = 1_000 } = {}): Promise<DurableFigures> {
  return { alone: await stepsPerSecond(1, steps), hundred: await stepsPerSecond(100, steps) }
}

async function stepsPerSecond(services: number, steps: number): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const store = sqliteStore({ path: join(dir, 'store.db') })
  const engine = await Engine.open({ store, adapters: instantWorld(), clock: systemClock() })
  try {
    const names = Array.from({ length: services }, (_, i) => `service-${i}`)
    const ids = await Promise.all(names.map(async (name) => engine.start(releaseOf(name, 'v1'))))
    await Promise.all(ids.map(async (id) => engine.when(id, ({ state }) => state === 'monitoring')))
    const began = performance.now()
    await Promise.all(ids.map(async (id) => toAndFro(engine, id, steps / services)))
    return steps / ((performance.now() - began) / 1_000)
  } finally {
    await engine.close()
    await rm(dir, { recursive: true, force: true })
  }
}

async function toAndFro(engine: Engine, id: string, steps: number): Promise<void> {
  for (let i = 0; i < steps; i++) {
    await engine.send(id, { type: i % 2 === 0 ? 'pause.requested' : 'resume.requested' })
  }
}
