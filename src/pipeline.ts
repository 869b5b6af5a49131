import { blueGreenStrategic } from './blue-green.ts'
import { canaryStrategic } from './canary.ts'
import type { PipelineSpec, ReleaseSpec } from './engine/spec.ts'
import type { RolloutView } from './engine/view.ts'
import type { DeployConfig, PipelineOptions } from './options.ts'
import { phaseIn, Release, type ReleaseResult, releaseResult } from './release.ts'
import { type RollbackResult, resultOf } from './rollback.ts'
import { functionsOf, smokeSpec, testsOf } from './smoke-spec.ts'
import { type SmokeTestSuite, suiteOf } from './smoke.ts'
import { releaseSpec, type Strategic } from './spec.ts'
import { name as toName } from './units.ts'

const STAGES = [
  'deploying',
  'aborting',
  'verifying',
  'retiring',
  'rolling-back',
  'frozen',
  'promoted',
  'rolled-back',
  'failed',
  'superseded',
] as const

/** The machine's top-level states. */
export type PipelineStage = (typeof STAGES)[number]

export interface PipelineResult extends ReleaseResult {
  readonly stage: PipelineStage
  /** What the smoke tests found; null when they were not reached, or there are none. */
  readonly smoke: SmokeTestSuite | null
  /** How it went back; null when it did not have to. */
  readonly rollback: RollbackResult | null
}

/**
 * Deploys a version, tests it, and takes it back on any failure. The rollback manager knows of it from the first moment to
 * the last, so that a crash anywhere leaves something that can be undone. Made by {@link createPipeline}.
 */
export class DeploymentPipeline extends Release<PipelineResult, PipelineOptions> {
  protected override readonly strategy = 'pipeline'
  readonly #strategic: Strategic

  constructor(options: PipelineOptions) {
    super(options)
    this.#strategic = options.strategy === 'canary' ? canaryStrategic(options) : blueGreenStrategic(options)
    this.check(this.#strategic)
    if (options.stableVersion !== undefined) toName(options.stableVersion, 'stableVersion')
    if (options.smoke !== false) smokeSpec({ name: options.name, ...options.smoke }, 'any')
  }

  /**
   * Deploys, tests and, when anything fails, takes back a version; resolves with how that ended. The same version joins the
   * pipeline that is going on.
   * @throws UsageError `ROLLOUT_IN_PROGRESS` while another version is being released, unless `onBusy` says otherwise
   */
  async deploy(version: string, config: DeployConfig = {}): Promise<PipelineResult> {
    const spec = releaseSpec(this.options, { version, config }, this.#strategic)
    const strategic = this.#strategic
    const adoption = await this.adopt(this.options.stableVersion, { strategic, config })
    const adopted = adoption === null ? null : await this.#run(adoption, { config, isTested: false })
    if (adopted?.success === false) return adopted
    return this.#run(spec, { config, isTested: true })
  }

  protected override result(view: RolloutView): PipelineResult {
    return { ...releaseResult(view), stage: phaseIn(STAGES, view.state), smoke: null, rollback: null }
  }

  async #run(
    release: ReleaseSpec,
    { config, isTested }: { readonly config: DeployConfig; readonly isTested: boolean },
  ): Promise<PipelineResult> {
    const { smoke, name: service } = this.options
    const suite = { name: service, ...(smoke === false ? {} : smoke) }
    const spec: PipelineSpec = {
      strategy: 'pipeline',
      service,
      version: release.version,
      release,
      smoke: smoke === false || !isTested ? null : smokeSpec(suite, release.version),
      by: release.by,
      why: release.why,
    }
    if (spec.smoke !== null) await this.bind(functionsOf(testsOf(suite)))
    const id = await this.begin(spec, config)
    const engine = await this.engine()
    const view = await engine.ended(id, config.signal)
    return { ...this.result(view), ...whatChildrenDid(view, engine.service(service).rollouts) }
  }
}

/**
 * Makes a {@link DeploymentPipeline}: a handle on the service, also after a restart.
 * @throws UsageError `ARGUMENT_INVALID`, naming the option, before anything is touched
 */
export function createPipeline(options: PipelineOptions): DeploymentPipeline {
  return new DeploymentPipeline(options)
}

/** The newest of each kind of child. */
function whatChildrenDid({ id }: RolloutView, rollouts: readonly RolloutView[]) {
  const children = rollouts.filter(({ parent }) => parent === id)
  const smoke = children.findLast(({ strategy }) => strategy === 'smoke')
  const rollback = children.findLast(({ strategy }) => strategy === 'rollback')
  return {
    smoke: smoke === undefined ? null : suiteOf(smoke),
    rollback: rollback === undefined ? null : resultOf(rollback, []),
  }
}
