import type { Returnability } from './engine/admission.ts'
import type { RollbackTimes } from './engine/rollback-spec.ts'
import type { RequestLedger, RevisionView, RolloutView } from './engine/view.ts'
import type { Cause, Outcome } from './events/outcome.ts'
import { ServiceHandle, type Waiting } from './handle.ts'
import type { RollbackOptions } from './options.ts'
import { releaseResult } from './release.ts'
import { name as toName, toMs, toPositiveMs } from './units.ts'

/** How a way back ended: `stranded` is no ending, it is still being tried. */
export type RollbackStatus = Outcome['status']

/** Why a service is taken back. */
export type RollbackReason = Cause

/** A revision that was ever good: its version, since when, and who wanted it. */
export type DeploymentSnapshot = RevisionView

/** A deployment that is going on, of ours or as it was told. */
export interface ActiveDeployment {
  readonly id: string
  readonly strategy: string
  readonly version: string
  /** Whether Sluice makes it; what others make is only known here. */
  readonly isOurs: boolean
}

export interface RollbackResult {
  /** Whether all traffic is back, read from the router. */
  readonly success: boolean
  readonly status: RollbackStatus
  /** The rollout that led back. */
  readonly rollout: string
  /** Null when there was nothing before. */
  readonly targetVersion: string | null
  readonly reason: string | null
  readonly cause: Cause | null
  /** The deployments that ended because of it. */
  readonly stopped: readonly string[]
  /** The versions whose instances were stopped. */
  readonly cleanedUp: readonly string[]
  /** Whether the version it went back to was healthy afterwards. */
  readonly verified: boolean
  readonly durationSeconds: number
  readonly requests: RequestLedger | null
}

/** How a rollback is asked for. */
export interface RollbackOrder extends Waiting {
  /** @defaultValue 'manual' */
  readonly reason?: RollbackReason
  /** The same in words, for the journal. */
  readonly message?: string
  /** @defaultValue the version that was stable before */
  readonly targetVersion?: string
  /** Goes back past a version whose changes can not be undone. @defaultValue false */
  readonly force?: boolean
  /** Who wants it. */
  readonly by?: string
}

/**
 * Knows every active deployment of a service and every revision that was ever good, and gets back to one. Made by
 * {@link createRollbackManager}.
 */
export class RollbackManager extends ServiceHandle<RollbackOptions> {
  protected override readonly strategy = 'rollback'
  readonly #times: RollbackTimes

  constructor(options: RollbackOptions) {
    super(options)
    this.#times = {
      stagingMs: toPositiveMs(options.stagingTimeout ?? '5m', 'stagingTimeout'),
      drainMs: toMs(options.rollbackDrainTimeout ?? '5s', 'rollbackDrainTimeout'),
      returnBudgetMs: toPositiveMs(options.returnBudget ?? '1m', 'returnBudget'),
      verifyMs: toMs(options.verifyDuration ?? '10s', 'verifyDuration'),
    }
  }

  /** Makes a deployment that something else makes known; kept over restarts. Doing it twice is harmless. */
  // oxlint-disable-next-line max-params -- three words that belong together, and the wait that every method has
  async addActiveDeployment(
    id: string,
    strategy: string,
    version: string,
    waiting: Waiting = {},
  ): Promise<void> {
    const deployment = {
      id: toName(id, 'id'),
      strategy: toName(strategy, 'strategy'),
      version: toName(version, 'version'),
    }
    await (await this.engine(waiting)).track(this.name, deployment)
  }

  /** Forgets a deployment that was made known; an unknown one is no mistake. */
  async removeActiveDeployment(id: string, waiting: Waiting = {}): Promise<void> {
    await (await this.engine(waiting)).untrack(this.name, id)
  }

  /** What is going on: our rollouts, and what was made known. */
  async activeDeployments(waiting: Waiting = {}): Promise<readonly ActiveDeployment[]> {
    const { rollouts, tracked } = await this.#known(waiting)
    const ours = rollouts.filter(({ status, parent }) => status !== 'ended' && parent === null)
    return [
      ...ours.map(({ id, strategy, version }) => ({ id, strategy, version, isOurs: true })),
      ...tracked.map((deployment) => ({ ...deployment, isOurs: false })),
    ]
  }

  /**
   * The whole way back: ends what is going on, routes all traffic to a good version (starting it first when it was retired),
   * drains and stops what was left, and proves that it works. Resolves with how that ended, or once it is stranded.
   * @throws UsageError `ROLLBACK_IMPOSSIBLE`, with the reason
   */
  async rollback({
    reason,
    message,
    targetVersion,
    force,
    by,
    signal,
  }: RollbackOrder = {}): Promise<RollbackResult> {
    const engine = await this.engine({ signal })
    const before = await this.activeDeployments()
    const request = {
      ...(reason === undefined ? {} : { cause: reason }),
      ...(message === undefined ? {} : { reason: message }),
      ...(targetVersion === undefined ? {} : { targetVersion: toName(targetVersion, 'targetVersion') }),
      ...(force === undefined ? {} : { force }),
      ...(by === undefined ? {} : { by }),
    }
    const { id } = await engine.rollback(this.name, request, this.#times)
    const view = await engine.ended(id, signal)
    const after = await this.activeDeployments()
    const stopped = before
      .filter(({ id: was }) => !after.some((still) => still.id === was))
      .map(({ id: was }) => was)
    return resultOf(view, stopped)
  }

  /**
   * Ends every rollout that is going on, with its traffic back on stable; resolves with their ids once that is confirmed.
   * `force` also takes back a version that is not reversible.
   */
  async stopDeployments({ signal, force = false }: Waiting & { readonly force?: boolean } = {}): Promise<
    readonly string[]
  > {
    const engine = await this.engine({ signal })
    const active = (await this.activeDeployments()).filter(({ isOurs }) => isOurs)
    for (const { id } of active) {
      await this.takeBack(id, { reason: 'all deployments are to stop', force }, { signal })
    }
    await Promise.all(active.map(async ({ id }) => engine.ended(id, signal)))
    return active.map(({ id }) => id)
  }

  /**
   * Routes all traffic to a good version, and resolves once the router was read back; nothing is stopped.
   * @throws UsageError `ROLLBACK_IMPOSSIBLE`, with the reason
   */
  async routeAllTraffic(targetVersion: string, { signal }: Waiting = {}): Promise<RollbackResult> {
    const engine = await this.engine({ signal })
    const request = {
      targetVersion: toName(targetVersion, 'targetVersion'),
      reason: 'all traffic was routed by hand',
    }
    const id = await engine.startRollback(this.name, { ...request, keep: true }, this.#times)
    return resultOf(await engine.ended(id, signal), [])
  }

  /**
   * Stops what still runs of a version that failed.
   * @throws UsageError `EVENT_REFUSED` for a version that serves, is stable, or is being released
   */
  async cleanupFailedDeployment(version: string, { signal }: Waiting = {}): Promise<void> {
    await (await this.engine({ signal })).cleanUp(this.name, toName(version, 'version'), signal)
  }

  /** Every revision that was ever good, newest first. */
  async snapshots(waiting: Waiting = {}): Promise<readonly DeploymentSnapshot[]> {
    return (await this.#known(waiting)).revisions
  }

  /** Whether it can go back to a version (to the one before, without one): at once, after a start, or not, and why not. */
  async canRollback(targetVersion?: string, waiting: Waiting = {}): Promise<Returnability> {
    return (await this.engine(waiting)).canRollback(this.name, targetVersion)
  }

  /** A service that nobody has released yet has no deployments, and no revisions. */
  async #known(waiting: Waiting) {
    const services = (await this.engine(waiting)).services()
    return (
      services.find(({ service }) => service === this.name) ?? { rollouts: [], tracked: [], revisions: [] }
    )
  }
}

/**
 * Makes a {@link RollbackManager} for a service.
 * @throws UsageError `ARGUMENT_INVALID`, naming the option
 */
export function createRollbackManager(options: RollbackOptions): RollbackManager {
  return new RollbackManager(options)
}

/** The result of whatever led back: a rollback, or a release that was aborted. */
export function resultOf(view: RolloutView, stopped: readonly string[]): RollbackResult {
  const { outcome, cause, reason, durationSeconds, requests, rollout } = releaseResult(view)
  const isOwnAct = view.strategy === 'rollback'
  const target = isOwnAct ? view.version : view.stable
  const success = outcome === 'rolled-back'
  return {
    success,
    status: outcome,
    rollout,
    targetVersion: target === '' ? null : target,
    reason,
    cause,
    stopped,
    cleanedUp: isOwnAct ? namesOf(view.details['stopped']) : [view.version].filter(() => success),
    // A release goes back to what was serving all the time; a rollback has to prove it.
    verified: isOwnAct ? view.details['verified'] === true : success,
    durationSeconds,
    requests,
  }
}

function namesOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : []
}
