// A controller of the demo: a process of its own, so that it can be killed in the middle of a release and another one can go
// on where it was. It does what any program does that embeds Sluice.
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

import { createBlueGreen, createCanary, createEngine, errorRate, latency } from '../../index.ts'
import { type Orders, type Report, SERVICE } from './act.ts'

const { stateDir, act }: Orders = JSON.parse(process.argv[2] ?? '{}')
const program = fileURLToPath(new URL(`./service${extname(import.meta.url)}`, import.meta.url))

const engine = await createEngine({ stateDir, listen: 0 })
say({ type: 'ready', url: engine.url ?? '' })

const common = {
  name: SERVICE,
  engine,
  run: { command: [process.execPath, program] },
  health: { headers: { 'x-version': '{version}' } },
  healthCheckInterval: '500ms',
  healthCheckThreshold: 2,
  window: '500ms',
  drainTimeout: '5s',
} as const
const checks = [
  errorRate({ max: 0.05, aboveBaseline: 0.02, minSamples: 30 }),
  latency({ timesBaseline: 10, minSamples: 30, required: false }),
]
const release =
  act.strategy === 'canary'
    ? createCanary({
        ...common,
        ...(act.stableVersion === undefined ? {} : { stableVersion: act.stableVersion }),
        trafficSteps: act.steps,
        validationDuration: act.bake,
        checks,
      })
    : createBlueGreen({ ...common, monitoringDuration: act.bake })
const { rollout } = await release.deploy(act.version)
say({ type: 'ended', rollout })
// Whoever watches may still want to ask; when that is over, or nobody is there any more, this process ends.
process.stdin.resume()
process.stdin.once('end', () => void engine.close())

function say(report: Report): void {
  process.stdout.write(`${JSON.stringify(report)}\n`)
}
