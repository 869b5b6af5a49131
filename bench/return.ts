import { mkdtemp, rm } from 'node:fs/promises'
// From the verdict that decides to the last request that is sent to the bad version: real requests through the embedded proxy,
// with every step on SQLite.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { NEVER } from 'rxjs'

import { embeddedProxy } from '../src/adapters/embedded-proxy/index.ts'
import { Load } from '../src/cli/demo/load.ts'
import { createCanary, createEngine, errorRate, type Platform } from '../src/index.ts'
import { quantileOf } from './median.ts'

/** In milliseconds; zero when no request came after the verdict at all. */
export interface ReturnFigures {
  readonly rollbacks: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

const RATE = 300
/** How long after a return somebody could still be sent to the bad version. */
const QUIET_MS = 150

export async function benchReturn({ rollbacks = 100 } = {}): Promise<ReturnFigures> {
  const stateDir = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const good = await version('good', 200)
  const bad = await version('bad', 500)
  const engine = await createEngine({
    stateDir,
    adapters: { platform: running({ good: good.url, bad: bad.url }) },
  })
  const load = new Load(RATE)
  try {
    const canary = createCanary({
      name: 'shop',
      engine,
      run: { command: 'none' },
      stableVersion: 'good',
      trafficSteps: [50],
      healthCheckThreshold: 1,
      window: '100ms',
      rollbackDrainTimeout: '1s',
      checks: [errorRate({ max: 0.05, minSamples: 10, failureLimit: 0 })],
    })
    let verdictAt = 0
    engine.on('analysis.concluded', ({ event, time }) => {
      if (event.verdict.kind === 'fail') verdictAt = Date.parse(time)
    })
    const release = canary.deploy('bad')
    load.start(await served(engine))
    await release
    const found: number[] = []
    while (found.length < rollbacks) {
      const { cause } = await canary.deploy('bad')
      if (cause !== 'metrics-degraded') throw new Error(`expected a rollback for its errors, got ${cause}`)
      await new Promise((resolve) => {
        setTimeout(resolve, QUIET_MS)
      })
      found.push(Math.max(0, bad.lastAt() - verdictAt))
    }
    return { rollbacks, p50: quantileOf(found, 0.5), p99: quantileOf(found, 0.99), max: Math.max(...found) }
  } finally {
    await load.stop()
    await engine.close()
    await embeddedProxy({ stateDir }).stop()
    await Promise.all([good.close(), bad.close()])
    await rm(stateDir, { recursive: true, force: true })
  }
}

/** A version that answers all but its probe with `status`, and remembers when it was last asked. */
async function version(name: string, status: number) {
  let last = 0
  const server: Server = createServer((req, res) => {
    if (req.url === '/health') return res.end()
    last = Date.now()
    return res.writeHead(status, { 'x-version': name }).end(name)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    lastAt: () => last,
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Versions that already run. */
function running(addresses: Readonly<Record<string, string>>): Platform {
  const instancesOf = (service: string, of: string) =>
    Object.entries(addresses)
      .filter(([name]) => name === of)
      .map(([name, url]) => ({
        service,
        version: name,
        instance: `${name}-1`,
        url,
        startedAt: 0,
        restarts: 0,
      }))
  return {
    start: async ({ service, version: of }) => instancesOf(service, of),
    stop: async () => {},
    list: async (service) => Object.keys(addresses).flatMap((of) => instancesOf(service, of)),
    events$: NEVER,
  }
}

async function served(engine: Awaited<ReturnType<typeof createEngine>>): Promise<string> {
  for (;;) {
    const shop = engine.services().find(({ service }) => service === 'shop')
    if (shop?.url != null && shop.stable !== null) return shop.url
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}
