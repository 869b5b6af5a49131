import { Writable } from 'node:stream'

import { expect, test } from 'vitest'

import { createLogger } from '../../src/engine/log.ts'
import { SimulatedWorld } from '../../src/testing/simulated/world.ts'
import { canarySpec, controllerOf, SECOND } from './kit.ts'

type Line = Readonly<Record<string, unknown>>

/** A pino logger that writes into an array. */
async function written(level: 'info' | 'error') {
  const lines: Line[] = []
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(
        ...chunk
          .toString()
          .trim()
          .split('\n')
          .map((line): Line => JSON.parse(line)),
      )
      done()
    },
  })
  return { lines, log: await createLogger({ level, destination }) }
}

test('each step of a rollout is a line that carries its name, and the last one says how it ended', async () => {
  const world = new SimulatedWorld()
  const { lines, log } = await written('info')
  const { engine } = await controllerOf(world, { log })
  const id = await engine.start(canarySpec('v1'))
  const ended = engine.ended(id)
  await world.clock.advance(60 * SECOND)
  await ended

  const own = lines.filter(({ rollout }) => rollout === id)
  expect(own[0]).toMatchObject({
    level: 30,
    service: 'shop',
    strategy: 'canary',
    event: 'rollout.requested',
    state: 'staging',
  })
  expect(own.at(-1)).toMatchObject({ msg: 'ended', state: 'promoted', outcome: 'promoted' })
})

test('a logger that throws changes nothing about a rollout', async () => {
  const world = new SimulatedWorld()
  const log = { trace() {}, debug() {}, info: explode, warn() {}, error() {}, child: () => log }
  const { engine } = await controllerOf(world, { log })
  const id = await engine.start(canarySpec('v1'))
  const ended = engine.ended(id)
  await world.clock.advance(60 * SECOND)
  expect((await ended).outcome?.status).toBe('promoted')
})

function explode(): never {
  throw new Error('the disk of the log is full')
}
