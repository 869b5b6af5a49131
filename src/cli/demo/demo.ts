// The demo: real versions of a real service as processes, a real proxy, real requests; three releases, one of them bad.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { embeddedProxy } from '../../adapters/embedded-proxy/index.ts'
import { localProcesses } from '../../adapters/local-processes/index.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { ActRun } from './act-run.ts'
import { actsOf, SERVICE } from './act.ts'
import { compare } from './compare.ts'
import { Load } from './load.ts'
import type { ActReport } from './report.ts'
import type { Stage } from './stage.ts'

export interface DemoOptions {
  /** Shorter steps, for CI. */
  readonly isFast: boolean
  readonly stage: Stage
  /** Where to keep everything; a temporary directory, removed at the end, when left out. */
  readonly stateDir?: string
}

/** In requests a second. */
const RATE = 300

/** Performs the three acts, and ends every process that they started, whatever happens. */
export async function runDemo({ isFast, stage, stateDir }: DemoOptions): Promise<ExitCode> {
  const dir = stateDir ?? (await mkdtemp(join(tmpdir(), 'sluice-demo-')))
  const proxy = embeddedProxy({ stateDir: dir })
  const platform = localProcesses({ stateDir: dir })
  const load = new Load(RATE)
  try {
    const acts: ActReport[] = []
    for (const act of actsOf(isFast)) {
      await stage.begin(act.title)
      acts.push(await new ActRun({ stateDir: dir, act }, { stage, load }).perform())
    }
    const seen = await load.stop()
    const signal = AbortSignal.timeout(10_000)
    const counted = await proxy.metrics.counts({ service: SERVICE, claim: 0 }, { signal })
    const requests = compare(seen, counted)
    const isAsExpected =
      requests.agree &&
      requests.failed === 0 &&
      acts.every(({ expected, rollout }) => rollout.outcome?.status === expected)
    stage.end({ acts, requests, isAsExpected })
    return isAsExpected ? EXIT.ok : EXIT.failed
  } finally {
    stage.close()
    await load.stop()
    await proxy.stop()
    await platform.stopAll()
    await platform.close()
    if (stateDir === undefined) await rm(dir, { recursive: true, force: true })
  }
}
