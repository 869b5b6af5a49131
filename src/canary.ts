import { examine } from './analysis/examine.ts'
import type { MetricsSnapshot } from './analysis/sample.ts'
import type { RolloutView } from './engine/view.ts'
import { UsageError } from './errors.ts'
import { shareOf } from './events/share.ts'
import type { Waiting } from './handle.ts'
import type { ReleaseStep } from './machines/index.ts'
import { type CanaryOptions, type DeployConfig, STANDARD, STANDARD_CHECKS } from './options.ts'
import { phaseIn, Release, type ReleaseResult, releaseResult } from './release.ts'
import { releaseSpec, type Strategic } from './spec.ts'
import { EVERYTHING, name as toName, percentOf, toMs, weight } from './units.ts'

const PHASES = [
  'staging',
  'shifting',
  'monitoring',
  'degraded',
  'paused',
  'frozen',
  'promoting',
  'retiring',
  'rolling-back',
  'promoted',
  'rolled-back',
  'failed',
  'superseded',
] as const

/** The machine's top-level states. */
export type CanaryPhase = (typeof PHASES)[number]

/** How traffic is divided, in percent. */
export interface TrafficConfig {
  readonly canary: number
  readonly stable: number
}

export interface CanaryDeploymentResult extends ReleaseResult {
  readonly phase: CanaryPhase
  /** What the canary gets in the end, in percent. */
  readonly finalCanaryPercentage: number
}

const MOST_STEPS = 100
/** The last bake's weight. */
const HOLD_BACK = weight(95)

/**
 * Shifts traffic to a new version step by step, compares it at each step with the version that serves beside it, and takes
 * everything back when it does harm. Made by {@link createCanary}.
 */
export class CanaryDeployment extends Release<CanaryDeploymentResult, CanaryOptions> {
  protected override readonly strategy = 'canary'
  readonly #strategic: Strategic

  constructor(options: CanaryOptions) {
    super(options)
    this.#strategic = canaryStrategic(options)
    this.check(this.#strategic)
    if (options.stableVersion !== undefined) toName(options.stableVersion, 'stableVersion')
  }

  /**
   * Releases a version, and resolves with how that ended: a rollback is a result, not an exception. The same version joins
   * the rollout that is going on.
   * @throws UsageError `ROLLOUT_IN_PROGRESS` while another version is being released, unless `onBusy` says otherwise
   */
  async deploy(version: string, config: DeployConfig = {}): Promise<CanaryDeploymentResult> {
    const strategic = this.#strategic
    const spec = releaseSpec(this.options, { version, config }, strategic)
    const adoption = await this.adopt(this.options.stableVersion, { strategic, config })
    const adopted = adoption === null ? null : await this.release(adoption, config)
    if (adopted?.success === false) return adopted
    return this.release(spec, config)
  }

  /**
   * Sets the split by hand, and resolves once the router was read back. The rollout stays there, paused, until a person
   * goes on.
   * @throws UsageError `ARGUMENT_INVALID` when the two do not sum to 100, `EVENT_REFUSED` when it would raise the canary
   * while harm is suspected
   */
  async routeTraffic(
    canaryPercentage: number,
    stablePercentage: number,
    { signal }: Waiting = {},
  ): Promise<TrafficConfig> {
    const asked = weight(canaryPercentage, 'canaryPercentage')
    if (asked + weight(stablePercentage, 'stablePercentage') !== 10_000) {
      throw new UsageError(
        'ARGUMENT_INVALID',
        `routeTraffic: ${canaryPercentage} and ${stablePercentage} are not 100`,
        {
          hint: `For example routeTraffic(${canaryPercentage}, ${100 - canaryPercentage})`,
        },
      )
    }
    const { id, version } = await this.current({ signal })
    await this.send(id, { type: 'weight.requested', weight: asked }, { signal })
    const isInForce = ({ state, split }: RolloutView) =>
      state === 'paused' && shareOf(split, version) === asked
    await this.reach(id, isInForce, { signal })
    return { canary: canaryPercentage, stable: stablePercentage }
  }

  /**
   * What the newest window counted of the version that serves beside the canary.
   * @throws UsageError `EVENT_REFUSED` when no window was judged yet
   */
  async getBaselineMetrics(waiting: Waiting = {}): Promise<MetricsSnapshot> {
    const { baseline, id } = await this.current(waiting)
    if (baseline !== null) return baseline
    throw new UsageError('EVENT_REFUSED', `${id} has not yet measured a baseline`, {
      hint: 'Call it while the rollout is monitoring a step below 100 %',
    })
  }

  /** Whether `current` is worse than `baseline` by the checks of this canary. Too few requests are not worse. */
  async metricsDegraded(
    baseline: MetricsSnapshot,
    current: MetricsSnapshot,
    { signal }: Waiting = {},
  ): Promise<boolean> {
    signal?.throwIfAborted()
    return this.#strategic.checks.some((check) => examine(check, current, baseline).kind === 'bad')
  }

  protected override result(view: RolloutView): CanaryDeploymentResult {
    return {
      ...releaseResult(view),
      phase: phaseIn(PHASES, view.state),
      finalCanaryPercentage: percentOf(shareOf(view.split, view.version)),
    }
  }
}

/**
 * Makes a {@link CanaryDeployment}: a handle on the service, also after a restart.
 * @throws UsageError `ARGUMENT_INVALID`, naming the option, before anything is touched
 */
export function createCanary(options: CanaryOptions): CanaryDeployment {
  return new CanaryDeployment(options)
}

/** What a canary adds to the options that all releases share. */
export function canaryStrategic(options: CanaryOptions): Strategic {
  const { checks = STANDARD_CHECKS.canary } = options
  return { strategy: 'canary', steps: stepsOf(options), gates: 'auto', checks }
}

/**
 * Steps as people write them, checked. At 100 % nothing would be left to compare with: a last step of 100 is watched at 95,
 * with the old version at 5, and everything is routed after it.
 */
export function stepsOf({
  trafficSteps = STANDARD.trafficSteps,
  validationDuration = STANDARD.validationDuration,
}: CanaryOptions): readonly ReleaseStep[] {
  const bakeMs = toMs(validationDuration, 'validationDuration')
  const weights = trafficSteps.slice(0, MOST_STEPS + 1).map((step, i) => weight(step, `trafficSteps[${i}]`))
  const isRising = weights.every((step, i) => step > (weights[i - 1] ?? 0))
  if (!isRising || weights.length === 0 || weights.length > MOST_STEPS) {
    throw new UsageError('ARGUMENT_INVALID', `trafficSteps: expected 1 to ${MOST_STEPS} rising percentages`, {
      hint: 'For example trafficSteps: [5, 25, 50, 100]',
    })
  }
  const below = weights.filter((step) => step < EVERYTHING)
  const isHeldBack = below.length < weights.length && (below.at(-1) ?? 0) < HOLD_BACK
  return [...below, ...(isHeldBack ? [HOLD_BACK] : [])].map((step) => ({ weight: step, bakeMs }))
}
