// `npm run bench:engine [-- --json] [-- --quick]`: what a step, a rollout that waits, a remembered step and a return cost.
import { execFile } from 'node:child_process'
import { availableParallelism, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'

import { benchDurable } from './durable.ts'
import { benchReturn } from './return.ts'
import { benchStepper, type StepperFigures } from './stepper.ts'

interface MemoryFigures {
  readonly rollouts: number
  /** Before the first rollout: Node, and the code. */
  readonly startRssMb: number
  readonly rssMb: number
  readonly heapKbEach: number
}

const { values } = parseArgs({ options: { json: { type: 'boolean' }, quick: { type: 'boolean' } } })
const isQuick = values.quick === true

const stepper = benchStepper(isQuick ? { rounds: 3, events: 1_000 } : {})
const memory: MemoryFigures[] = []
for (const rollouts of isQuick ? [100] : [1_000, 10_000]) memory.push(await measureMemory(rollouts))
const durable = await benchDurable(isQuick ? { steps: 100 } : {})
const back = await benchReturn({ rollbacks: isQuick ? 3 : 100 })
const [load = 0] = loadavg()
const report = {
  node: process.version,
  cores: availableParallelism(),
  load,
  stepper,
  memory,
  durable,
  return: back,
}
process.stdout.write(
  values.json === true ? `${JSON.stringify(report, null, 2)}\n` : `${lines().join('\n')}\n`,
)

function lines(): readonly string[] {
  return [
    'Machine events for each second of CPU, in thousands, and how many times as many the stepper does',
    '              stepper   transition()   transition(), told no input   createActor().send',
    ...stepper.map(
      (of) =>
        `  ${of.strategy.padEnd(11)}${thousands(of.stepper)}${beside(of, of.transition, 15)}${beside(of, of.untold, 30)}${beside(of, of.actor, 21)}`,
    ),
    'Rollouts that wait, in one process',
    ...memory.map(
      ({ rollouts, startRssMb, rssMb, heapKbEach }) =>
        `  ${rollouts} rollouts: ${rssMb.toFixed(0)} MB in all (${startRssMb.toFixed(0)} MB before the first), ${heapKbEach.toFixed(1)} kB of heap each`,
    ),
    'Steps that are remembered for good (SQLite, full synchronisation), in each second',
    `  one rollout ${durable.alone.toFixed(0)}, a hundred at once ${durable.hundred.toFixed(0)}`,
    `From the deciding verdict to the last request sent to the bad version (${back.rollbacks} rollbacks under load)`,
    `  p50 ${back.p50} ms, p99 ${back.p99} ms, longest ${back.max} ms`,
    `Node ${process.version}, ${report.cores} cores, load average ${load.toFixed(1)} at the end`,
  ]
}

function beside({ stepper: ours }: StepperFigures, theirs: number, width: number): string {
  return `${thousands(theirs).trim()} (${(ours / theirs).toFixed(1)} x)`.padStart(width)
}

function thousands(n: number): string {
  return n.toFixed(0).padStart(8)
}

async function measureMemory(rollouts: number): Promise<MemoryFigures> {
  const script = fileURLToPath(new URL('./memory.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, String(rollouts)])
  return JSON.parse(stdout)
}
