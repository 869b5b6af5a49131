// What a rollout that waits costs in memory. A process of its own for each number: started by engine.ts with it as argument,
// prints what it found as JSON.
import { systemClock } from '../src/adapters/clock/index.ts'
import { Engine } from '../src/engine/engine.ts'
import { forgetfulStore, instantWorld, releaseOf } from './world.ts'

const rollouts = Number(process.argv[2])
const before = memory()
const engine = await Engine.open({ store: forgetfulStore(), adapters: instantWorld(), clock: systemClock() })
const began = performance.now()
for (let i = 0; i < rollouts; i += 100) {
  const batch = Array.from({ length: Math.min(100, rollouts - i) }, (_, j) => `service-${i + j}`)
  // A first release gets everything once it runs, and then is watched for an hour.
  await Promise.all(batch.map(async (name) => engine.start(releaseOf(name, 'v1'))))
}
while (engine.services().some(({ rollouts: all }) => all[0]?.state !== 'monitoring')) {
  await new Promise((resolve) => {
    setTimeout(resolve, 50)
  })
}
const startedMs = performance.now() - began
const after = memory()
process.stdout.write(
  JSON.stringify({
    rollouts,
    rssMb: after.rss / 2 ** 20,
    startRssMb: before.rss / 2 ** 20,
    heapKbEach: (after.heapUsed - before.heapUsed) / 1024 / rollouts,
    startedMs,
  }),
)
await engine.close()
process.exit(0)

/** What is kept: all that nobody needs any more is collected first, as a process does by itself when it is idle. */
function memory(): NodeJS.MemoryUsage {
  for (let i = 0; i < 3; i++) globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  return process.memoryUsage()
}
