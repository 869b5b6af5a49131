import type { Endpoint } from '../events/rollout-event.ts'
import { sleep } from './back-off.ts'
import type { Adapters, Clock } from './ports.ts'
import type { HealthSpec } from './spec.ts'

interface World {
  readonly adapters: Pick<Adapters, 'platform' | 'probe'>
  readonly clock: Clock
  readonly signal: AbortSignal
}

interface Candidate {
  readonly service: string
  readonly version: string
  readonly health: HealthSpec
  /** How many instances there have to be. */
  readonly replicas: number
}

/** How often a version that is starting is asked, at most: people wait for it. */
const EAGER_MS = 200

/**
 * Resolves with where a version can be reached, once every instance of it gave `threshold` healthy answers in a row. Asks
 * for as long as the signal lets it; instances that move meanwhile are followed.
 */
export async function untilHealthy(
  world: World,
  { service, version, health, replicas }: Candidate,
): Promise<readonly Endpoint[]> {
  const { adapters, clock, signal } = world
  const everyMs = Math.min(health.intervalMs, EAGER_MS)
  const streaks = new Map<string, number>()
  for (;;) {
    signal.throwIfAborted()
    const instances = await adapters.platform.list(service, { signal })
    const endpoints = instances
      .filter((instance) => instance.version === version)
      .map(({ instance, url }) => ({ instance, url }))
    const answers = await Promise.all(
      endpoints.map((endpoint) => adapters.probe.probe(health.probe, { version, endpoint }, { signal })),
    )
    for (const [i, { instance }] of endpoints.entries()) {
      streaks.set(instance, answers[i]?.health === 'healthy' ? (streaks.get(instance) ?? 0) + 1 : 0)
    }
    const isReady = endpoints.every(({ instance }) => (streaks.get(instance) ?? 0) >= health.threshold)
    if (endpoints.length >= replicas && isReady) return endpoints
    await sleep(clock, everyMs, signal)
  }
}
