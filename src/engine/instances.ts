// The instances of a service as the platform finds them: where they are, and which are gone.
import { messageOf, UsageError } from '../errors.ts'
import type { Endpoint } from '../events/rollout-event.ts'
import { backOffMs, sleep, within } from './back-off.ts'
import type { ExecutorDeps } from './executor.ts'
import { isLeaving } from './record.ts'
import type { Service } from './service.ts'
import { versionOf } from './spec.ts'

type World = Pick<ExecutorDeps, 'adapters' | 'clock' | 'log'>

/** How long a platform may take to say where instances are. */
const START_MS = 30_000

/** What died while nobody was there: a version that is being released has done harm, any other is started again. */
export async function lookAfter(service: Service, deps: World): Promise<void> {
  const { adapters, clock, log } = deps
  const { service: name, versions, rollouts } = service.record()
  try {
    const limit = { clock, ms: START_MS }
    const running = await within(limit, (signal) => adapters.platform.list(name, { signal }))
    const isGone = ({ instance }: Endpoint) => !running.some((other) => other.instance === instance)
    const released = rollouts.filter(({ endedAt }) => endedAt === null).map(({ spec }) => versionOf(spec))
    for (const { version, endpoints } of versions) {
      if (released.includes(version) && endpoints.some(isGone))
        service.mourn(version, 'an instance ended while no controller was there')
    }
  } catch (error) {
    log.error({ service: name, reason: messageOf(error) }, 'its instances could not be listed')
  }
  await revisit(service, deps)
}

/**
 * Looks where the instances of a service are now, and tells the service and its router where that is new; again and again
 * while the platform can't say.
 */
export async function revisit(service: Service, deps: World): Promise<void> {
  for (let attempt = 0; !service.closed.aborted; attempt++) {
    const isSure = await look(service, deps)
    service.reroute()
    if (isSure) return
    await sleep(deps.clock, backOffMs(attempt), service.closed)
  }
}

/** False when asking again may help. */
async function look(service: Service, { adapters, clock, log }: World): Promise<boolean> {
  const { service: name, versions } = service.record()
  let isSure = true
  for (const { version, run, endpoints } of versions) {
    if (endpoints.length === 0 || isLeaving(service.record(), version)) continue
    try {
      const limit = { clock, ms: START_MS, signal: service.closed }
      const instances = await within(limit, (signal) =>
        adapters.platform.start({ service: name, version, run }, { signal }),
      )
      const found = instances.map(({ instance, url }) => ({ instance, url }))
      if (JSON.stringify(found) !== JSON.stringify(endpoints))
        await service.note({ type: 'version.moved', version, endpoints: found })
    } catch (error) {
      log.error({ service: name, version, reason: messageOf(error) }, 'its instances could not be found')
      isSure &&= error instanceof UsageError
    }
  }
  return isSure
}
