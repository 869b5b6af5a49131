// What `run` is to do: a rollout file, and what the command line says differently.
import { isReference, resolveReferences } from '../../adapters/references/index.ts'
import type { RolloutConfig } from '../../config/index.ts'
import type { Engine } from '../../engine/engine.ts'
import type { ReleaseSpec } from '../../engine/spec.ts'
import { UsageError } from '../../errors.ts'
import { createBlueGreen, createCanary, createPipeline, type DeployConfig } from '../../index.ts'
import { adopting } from '../../release.ts'
import { releaseSpec } from '../../spec.ts'
import { name } from '../../units.ts'

/** A checked rollout file with everything decided. */
export interface Order {
  readonly config: RolloutConfig
  readonly service: string
  readonly version: string
}

/** @throws UsageError `ARGUMENT_INVALID` when neither the file nor the command line names a version */
export function orderOf(config: RolloutConfig, { service }: { readonly service?: string }): Order {
  const { version, options } = config
  if (version !== undefined)
    return { config, version, service: service === undefined ? options.name : name(service, '--service') }
  throw new UsageError('ARGUMENT_INVALID', 'nobody said which version is to be released', {
    hint: 'Write --version <version>, or `version:` in the file',
  })
}

/** Where the engine is to be served besides its control socket, with the token that its reference stands for. */
export async function serverOf({
  server,
}: RolloutConfig): Promise<{ listen?: number | string; token?: string }> {
  if (server === undefined) return {}
  const { listen, token } = server
  if (token === undefined || !isReference(token)) return { listen, ...(token === undefined ? {} : { token }) }
  const { token: resolved = '' } = await resolveReferences({ token })
  return { listen, token: resolved }
}

/** Starts the release, or joins it, and resolves with its rollout once that is over or stranded. */
export async function deploy(
  { config, service, version }: Order,
  engine: Engine,
  how: DeployConfig,
): Promise<string> {
  const part = partFor(config, { name: service, engine })
  return (await part.deploy(version, how)).rollout
}

type Deployer = { deploy(version: string, how: DeployConfig): Promise<{ readonly rollout: string }> }

function partFor(config: RolloutConfig, own: { readonly name: string; readonly engine: Engine }): Deployer {
  switch (config.strategy) {
    case 'canary':
      return createCanary({ ...config.options, ...own })
    case 'blue-green':
      return createBlueGreen({ ...config.options, ...own })
    case 'pipeline':
      return createPipeline({ ...config.options, ...own })
  }
}

/**
 * The release of the version that serves before anything was released with Sluice; null when the service has one already,
 * when the file names none, or when something else is being released.
 */
export function adoptionIn(
  { config, service }: Order,
  engine: Engine,
  how: DeployConfig,
): ReleaseSpec | null {
  const { stable, options } = config
  const known = engine.services().find((view) => view.service === service)
  if (stable === undefined || (known !== undefined && known.stable !== null)) return null
  const holder = known?.rollouts.find(({ id }) => id === known.active)
  if (holder !== undefined && holder.version !== stable.version) return null
  const spec = releaseSpec(
    { ...options, name: service },
    { version: stable.version, config: { ...how, run: stable.run } },
    { strategy: 'canary', steps: [], gates: 'auto', checks: [] },
  )
  return adopting(spec)
}
