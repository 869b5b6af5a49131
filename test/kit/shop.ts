// A shop whose versions are real processes, and people who keep asking it: for tests of whole releases.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { embeddedProxy } from '../../src/adapters/embedded-proxy/index.ts'
import { localProcesses } from '../../src/adapters/local-processes/index.ts'
import { Load, type Seen } from '../../src/cli/demo/load.ts'
import { createEngine, type Engine, type EngineOptions, type ServiceOptions } from '../../src/index.ts'
import { eventually } from '../../src/testing/traffic-rig.ts'

/** The demo's own service: `v3` fails one request in five and is slow, every other version is well. */
const SERVICE_PROGRAM = fileURLToPath(new URL('../../src/cli/demo/service.ts', import.meta.url))

/** A state directory; the proxy, all processes and the files in it are gone when the scope ends. */
export class Shop implements AsyncDisposable {
  readonly stateDir: string
  readonly load = new Load(200)
  #engine: Engine | undefined

  private constructor(stateDir: string) {
    this.stateDir = stateDir
  }

  static async open(): Promise<Shop> {
    return new Shop(await mkdtemp(join(tmpdir(), 'shop-')))
  }

  /** Options that make a release quick. */
  options(engine: Engine): ServiceOptions & { readonly engine: Engine } {
    return {
      name: 'shop',
      engine,
      run: { command: [process.execPath, SERVICE_PROGRAM] },
      health: { headers: { 'x-version': '{version}' } },
      healthCheckInterval: '200ms',
      healthCheckThreshold: 2,
      window: '300ms',
      drainTimeout: '3s',
      rollbackDrainTimeout: '2s',
    }
  }

  /** The engine of this directory. */
  async engine(options: EngineOptions = {}): Promise<Engine> {
    this.#engine ??= await createEngine({ stateDir: this.stateDir, ...options })
    return this.#engine
  }

  /** Lets a controller end, so that another can go on. */
  async closeEngine(): Promise<void> {
    await this.#engine?.close()
    this.#engine = undefined
  }

  /** Begins to ask as soon as something serves. */
  async visit(engine: Engine): Promise<void> {
    this.load.start(await eventually(() => served(engine)))
  }

  /** Asks no more; what was asked, and what the proxy counted of it, by version and status class. */
  async leave(): Promise<{
    readonly seen: Seen
    readonly counted: Readonly<Record<string, readonly number[]>>
  }> {
    const seen = await this.load.stop()
    const proxy = embeddedProxy({ stateDir: this.stateDir })
    const signal = AbortSignal.timeout(10_000)
    const rows = await proxy.metrics.counts({ service: 'shop', claim: 0 }, { signal })
    proxy.close()
    const counted: Record<string, number[]> = {}
    for (const { version, counts } of rows) {
      const sum = (counted[version] ??= [0, 0, 0, 0, 0])
      for (const [i, n] of counts.served.entries()) sum[i] = (sum[i] ?? 0) + n
    }
    return {
      seen,
      counted: Object.fromEntries(Object.entries(counted).filter(([, row]) => row.some((n) => n > 0))),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.load.stop()
    await this.closeEngine()
    await embeddedProxy({ stateDir: this.stateDir }).stop({ signal: AbortSignal.timeout(30_000) })
    const platform = localProcesses({ stateDir: this.stateDir })
    await platform.stopAll()
    await platform.close()
    await rm(this.stateDir, { recursive: true, force: true })
  }
}

function served(engine: Engine): string | undefined {
  const shop = engine.services().find(({ service }) => service === 'shop')
  return shop?.stable == null ? undefined : (shop.url ?? undefined)
}
