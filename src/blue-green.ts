import type { HealthChecks, RolloutView, ServiceView } from './engine/view.ts'
import { UsageError } from './errors.ts'
import { isAllOn } from './events/share.ts'
import type { Waiting } from './handle.ts'
import { type BlueGreenOptions, type DeployConfig, STANDARD, STANDARD_CHECKS } from './options.ts'
import { phaseIn, Release, type ReleaseResult, releaseResult } from './release.ts'
import { releaseSpec, type Strategic } from './spec.ts'
import { type Duration, EVERYTHING, percentOf, toMs, toPositiveMs } from './units.ts'

/** One of the two identical environments of a service. */
export type DeploymentEnvironment = 'blue' | 'green'

const STATUSES = [
  'staging',
  'staged',
  'shifting',
  'live',
  'monitoring',
  'degraded',
  'paused',
  'frozen',
  'retiring',
  'rolling-back',
  'promoted',
  'rolled-back',
  'failed',
  'superseded',
] as const

/** The machine's top-level states. */
export type DeploymentStatus = (typeof STATUSES)[number]

/** What is in an environment. */
export interface EnvironmentState {
  readonly version: string
  /** What was last found of it; `unknown` while none of it runs. */
  readonly health: 'unknown' | 'healthy' | 'suspect' | 'unhealthy'
  /** What it gets of the traffic, in percent. */
  readonly weight: number
  /** RFC 3339, UTC: when it was released, or its release began. */
  readonly since: string
}

/** Both environments, and what is going on between them. */
export interface BlueGreenStatus {
  /** The environment that serves; null before the first release. */
  readonly live: DeploymentEnvironment | null
  readonly environments: Readonly<Record<DeploymentEnvironment, EnvironmentState | null>>
  /** Null when no blue-green deployment is going on. */
  readonly status: DeploymentStatus | null
  readonly rollout: RolloutView | null
}

export interface DeploymentResult extends ReleaseResult {
  readonly status: DeploymentStatus
  /** The environment that the new version was put in. */
  readonly environment: DeploymentEnvironment
  readonly healthChecks: HealthChecks
}

/**
 * Stages a new version in the idle environment, swaps all traffic to it in one step, watches it, and swaps back at once when
 * it degrades. No request fails because of a swap. Made by {@link createBlueGreen}.
 */
export class BlueGreenDeployment extends Release<DeploymentResult, BlueGreenOptions> {
  protected override readonly strategy = 'blue-green'
  readonly #strategic: Strategic

  constructor(options: BlueGreenOptions) {
    super(options)
    this.#strategic = blueGreenStrategic(options)
    this.check(this.#strategic)
  }

  /**
   * Stages, swaps and watches a version, and resolves with how that ended: a rollback is a result, not an exception. The
   * same version joins the deployment that is going on.
   * @throws UsageError `ROLLOUT_IN_PROGRESS` while another version is being released, unless `onBusy` says otherwise
   */
  async deploy(version: string, config: DeployConfig = {}): Promise<DeploymentResult> {
    return this.release(releaseSpec(this.options, { version, config }, this.#strategic), config)
  }

  /**
   * Starts a version in the idle environment and proves it healthy; resolves once it is, with no traffic moved. What comes
   * then is asked for: {@link swapEndpoints}, {@link monitorDeployment}.
   * @throws UsageError `EVENT_REFUSED` when it could not be staged, `ROLLOUT_IN_PROGRESS` as {@link deploy}
   */
  async deployToStaging(version: string, config: DeployConfig = {}): Promise<RolloutView> {
    const byHand = { ...this.#strategic, gates: 'manual' } as const
    const spec = releaseSpec(this.options, { version, config }, byHand)
    const id = await this.begin(spec, config)
    return this.reach(id, isStaged, config)
  }

  /**
   * Swaps all traffic to the staged version in one step; resolves once the router was read back.
   * @throws UsageError `EVENT_REFUSED` when nothing is staged and healthy
   */
  async swapEndpoints({ signal }: Waiting = {}): Promise<RolloutView> {
    const view = await this.current({ signal })
    if (isLive(view)) return view
    await this.send(view.id, { type: 'swap.requested' }, { signal })
    return this.reach(view.id, isLive, { signal })
  }

  /**
   * Watches the environment that has just become live, for `duration` of observed time; resolves with how that ended:
   * promoted, or taken back.
   * @throws UsageError `EVENT_REFUSED` when it is not live
   */
  async monitorDeployment(
    environment: DeploymentEnvironment,
    duration?: Duration,
    { signal }: Waiting = {},
  ): Promise<DeploymentResult> {
    const bake = duration === undefined ? {} : { bakeMs: toPositiveMs(duration, 'duration') }
    const view = await this.current({ signal })
    const own = environmentOf(view)
    if (own !== environment) {
      throw new UsageError(
        'EVENT_REFUSED',
        `${view.id} is in the ${own} environment, not in ${environment}`,
        {
          hint: `Call monitorDeployment('${own}')`,
        },
      )
    }
    const isWatched = /^(?:monitoring|degraded|paused|frozen|retiring|rolling-back)/.test(view.state)
    if (view.status !== 'ended' && !isWatched)
      await this.send(view.id, { type: 'monitor.requested', ...bake }, { signal })
    return this.result(await (await this.engine()).ended(view.id, signal))
  }

  /** Swaps all traffic back; resolves once that is confirmed. After the end of a deployment it is a rollout of its own. */
  async rollback(reason?: string, { signal }: Waiting = {}): Promise<RolloutView> {
    const engine = await this.engine({ signal })
    const { id } = await engine.rollback(this.name, reason === undefined ? {} : { reason })
    return engine.ended(id, signal)
  }

  /** Both environments, and what is going on between them. */
  async status(waiting: Waiting = {}): Promise<BlueGreenStatus> {
    const service = await this.service(waiting)
    const rollout = service.rollouts.find(({ id }) => id === service.active) ?? null
    const { live } = service
    const idle = live === 'blue' ? 'green' : 'blue'
    const previous = service.revisions.find(({ version }) => version !== service.stable?.version)?.version
    const [serving, other] = [service.stable?.version, rollout?.version ?? previous]
    const environments = { blue: null, green: null, [idle]: stateOf(service, other) }
    if (live !== null) Object.assign(environments, { [live]: stateOf(service, serving) })
    const isOurs = rollout?.strategy === this.strategy
    return { live, environments, status: isOurs ? phaseIn(STATUSES, rollout.state) : null, rollout }
  }

  protected override result(view: RolloutView): DeploymentResult {
    const { healthChecks, state } = view
    return {
      ...releaseResult(view),
      status: phaseIn(STATUSES, state),
      environment: environmentOf(view),
      healthChecks,
    }
  }
}

/**
 * Makes a {@link BlueGreenDeployment}: a handle on the service, also after a restart.
 * @throws UsageError `ARGUMENT_INVALID`, naming the option, before anything is touched
 */
export function createBlueGreen(options: BlueGreenOptions): BlueGreenDeployment {
  return new BlueGreenDeployment(options)
}

/** What a blue-green release adds to the options that all releases share: one step, and nobody to ask at its gates. */
export function blueGreenStrategic(options: BlueGreenOptions): Strategic {
  const { checks = STANDARD_CHECKS['blue-green'], monitoringDuration = STANDARD.monitoringDuration } = options
  const steps = [{ weight: EVERYTHING, bakeMs: toMs(monitoringDuration, 'monitoringDuration') }]
  return { strategy: 'blue-green', steps, gates: 'auto', checks }
}

function isStaged({ state }: RolloutView): boolean {
  return /^(?:staged|shifting|live|monitoring|degraded|paused|retiring|promoted)/.test(state)
}

/** Whether all traffic is on the new version, as it was read back. */
function isLive({ split, version, state }: RolloutView): boolean {
  return isAllOn(split, version) && !state.startsWith('rolling-back')
}

function environmentOf({ details }: RolloutView): DeploymentEnvironment {
  return details['environment'] === 'green' ? 'green' : 'blue'
}

function stateOf(service: ServiceView, version: string | undefined): EnvironmentState | null {
  const known = service.versions.find((candidate) => candidate.version === version)
  if (version === undefined || known === undefined) return null
  const since =
    service.revisions.find((revision) => revision.version === version)?.since ??
    service.rollouts.find((rollout) => rollout.version === version)?.startedAt ??
    ''
  return { version, health: known.condition, weight: percentOf(known.weight), since }
}
