// `npm run bench:engine [-- --json] [-- --quick]`: what a step, a rollout that waits, a remembered step and a return cost.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'

import { benchDurable } from './durable.ts'
import { benchReturn } from './return.ts'
import { benchStepper } from './stepper.ts'

interface MemoryFigures {
  readonly rollouts: number
  readonly rssMb: number
  readonly heapKbEach: number
}

const { values } = parseArgs({ options: { json: { type: 'boolean' }, quick: { type: 'boolean' } } })
const isQuick = values.quick === true

const stepper = benchStepper(isQuick ? { rounds: 3, events: 8_000 } : {})
const memory: MemoryFigures[] = []
for (const rollouts of isQuick ? [100] : [1_000, 10_000]) memory.push(await measureMemory(rollouts))
const durable = await benchDurable(isQuick ? { steps: 100 } : {})
const back = await benchReturn({ rollbacks: isQuick ? 3 : 100 })
const report = { node: process.version, stepper, memory, durable, return: back }
process.stdout.write(
  values.json === true ? `${JSON.stringify(report, null, 2)}\n` : `${lines().join('\n')}\n`,
)

function lines(): readonly string[] {
  return [
    'Machine events for each second of CPU (canary, the same events)',
    `  Sluice's stepper           ${thousands(stepper.stepper)}`,
    `  XState's transition()      ${thousands(stepper.transition)}   the stepper does ${times(stepper.stepper, stepper.transition)}`,
    `  XState's createActor.send  ${thousands(stepper.actor)}   the stepper does ${times(stepper.stepper, stepper.actor)}`,
    'Rollouts that wait, in one process',
    ...memory.map(
      ({ rollouts, rssMb, heapKbEach }) =>
        `  ${rollouts} rollouts: ${rssMb.toFixed(0)} MB in all, ${heapKbEach.toFixed(1)} kB of heap each`,
    ),
    'Steps that are remembered for good (SQLite, full synchronisation), in each second',
    `  one rollout ${durable.alone.toFixed(0)}, a hundred at once ${durable.hundred.toFixed(0)}`,
    `From the deciding verdict to the last request sent to the bad version (${back.rollbacks} rollbacks under load)`,
    `  p50 ${back.p50} ms, p99 ${back.p99} ms, longest ${back.max} ms`,
  ]
}

function times(one: number, other: number): string {
  return `${(one / other).toFixed(1)} x`
}

function thousands(n: number): string {
  return `${n.toFixed(0)} k`
}

async function measureMemory(rollouts: number): Promise<MemoryFigures> {
  const script = fileURLToPath(new URL('./memory.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, String(rollouts)])
  return JSON.parse(stdout)
}
