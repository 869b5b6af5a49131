import type { ReleaseSpec } from './engine/spec.ts'
import type { RequestLedger, RolloutView, StepLedger } from './engine/view.ts'
import type { Cause, Outcome } from './events/outcome.ts'
import { ServiceHandle, type Waiting } from './handle.ts'
import type { DeployConfig, ServiceOptions } from './options.ts'
import { releaseSpec, type Strategic } from './spec.ts'
import { EVERYTHING } from './units.ts'

/** What canary and blue-green results have in common. */
export interface ReleaseResult {
  /** Whether the new version was promoted. */
  readonly success: boolean
  /** The rollout it was, for `sluice status` and the journal. */
  readonly rollout: string
  readonly version: string
  /** What served before; null in a first release. */
  readonly previousVersion: string | null
  readonly outcome: Outcome['status']
  /** Why it was taken back; null when it was not. */
  readonly cause: Cause | null
  /** The same in words. */
  readonly reason: string | null
  readonly durationSeconds: number
  /** What it did to every request, from the first change of traffic on; null when traffic was never changed. */
  readonly requests: RequestLedger | null
  /** The same for each change of traffic. */
  readonly steps: readonly StepLedger[]
}

/** What an operator can ask of any release. */
export abstract class Release<R, O extends ServiceOptions> extends ServiceHandle<O> {
  /**
   * Freezes the weight and the bake, at the next place where that is possible; resolves once they are.
   * @throws UsageError `EVENT_REFUSED` when it is over, or going back
   */
  async pause({ signal }: Waiting = {}): Promise<RolloutView> {
    const view = await this.released({ signal })
    if (view.state === 'paused') return view
    await this.send(view.id, { type: 'pause.requested' }, { signal })
    return this.reach(view.id, ({ state }) => state === 'paused', { signal })
  }

  /**
   * Goes on with what was left of the bake.
   * @throws UsageError `EVENT_REFUSED` when there is nothing to go on with
   */
  async resume(waiting: Waiting = {}): Promise<RolloutView> {
    const view = await this.released(waiting)
    return view.state === 'monitoring' ? view : this.send(view.id, { type: 'resume.requested' }, waiting)
  }

  /**
   * Skips what is left to wait for; with `full`, all steps but the last. Readiness, confirmation and the last bake are
   * never skipped.
   * @throws UsageError `EVENT_REFUSED` while degraded or going back, or in the last bake
   */
  async promote({ full = false, signal }: Waiting & { readonly full?: boolean } = {}): Promise<RolloutView> {
    const { id } = await this.released({ signal })
    return this.send(id, { type: 'promote.requested', full }, { signal })
  }

  /**
   * Takes all traffic back to stable, and resolves with how it ended once that is confirmed. Safe to call at any time, more
   * than once; where it is too late, with how it ended without. `force` goes back from a version that is not reversible.
   * @throws UsageError `EVENT_REFUSED` for a version that is not reversible, without `force`
   */
  async abort(
    reason?: string,
    { signal, force = false }: Waiting & { readonly force?: boolean } = {},
  ): Promise<R> {
    const view = await this.current({ signal })
    const why = reason === undefined ? {} : { reason }
    await this.takeBack(view.id, { force, ...why }, { signal })
    return this.result(await (await this.engine()).ended(view.id, signal))
  }

  protected abstract result(view: RolloutView): R

  /** Options are checked when a handle is made, not when it is used. */
  protected check(strategic: Strategic): void {
    const run = this.options.run ?? { command: 'any' }
    releaseSpec(this.options, { version: 'any', config: { run } }, strategic)
  }

  /** The rollout that changes the traffic: of a pipeline that deploys, its child. */
  protected async released(waiting: Waiting): Promise<RolloutView> {
    const view = await this.current(waiting)
    const children = (await this.service(waiting)).rollouts.filter(({ parent }) => parent === view.id)
    const child = children.find(({ strategy }) => strategy === 'canary' || strategy === 'blue-green')
    return view.state === 'deploying' && child !== undefined ? child : view
  }

  /**
   * Releases the version that served before Sluice did, where nothing is stable yet, the way the options say it is run; null
   * where there is nothing to do.
   */
  protected async adopt(
    version: string | undefined,
    { strategic, config }: { readonly strategic: Strategic; readonly config: DeployConfig },
  ): Promise<ReleaseSpec | null> {
    if (version === undefined || (await this.stable()) !== null) return null
    const { by, signal } = config
    const who = { ...(by === undefined ? {} : { by }), ...(signal === undefined ? {} : { signal }) }
    return adopting(releaseSpec(this.options, { version, config: who }, strategic))
  }

  /** Starts what `spec` says, and resolves with how it ended. */
  protected async release(spec: ReleaseSpec, { signal }: DeployConfig): Promise<R> {
    const id = await this.begin(spec, { signal })
    return this.result(await (await this.engine()).ended(id, signal))
  }
}

/** The release of a version that is good already: healthy is enough, for there is nothing to compare it with. */
export function adopting(spec: ReleaseSpec): ReleaseSpec {
  const steps = [{ weight: EVERYTHING, bakeMs: 0 }]
  return { ...spec, checks: [], steps, gates: 'auto', why: 'it served before the first rollout' }
}

export function releaseResult(view: RolloutView): ReleaseResult {
  const ended = view.endedAt === null ? null : Date.parse(view.endedAt)
  return {
    success: view.outcome?.status === 'promoted',
    rollout: view.id,
    version: view.version,
    previousVersion: view.stable,
    outcome: view.outcome?.status ?? 'stranded',
    cause: view.outcome?.cause ?? null,
    reason: view.outcome?.reason ?? null,
    durationSeconds: ended === null ? 0 : (ended - Date.parse(view.startedAt)) / 1_000,
    requests: view.requests,
    steps: view.steps,
  }
}

/** The top-level state of a path, as one of the words that a part is known by. */
export function phaseIn<P extends string>(phases: readonly P[], state: string): P {
  const [top = ''] = state.split('.')
  const found = phases.find((phase) => phase === top)
  if (found !== undefined) return found
  throw new TypeError(`'${top}' is not one of ${phases.join(', ')}`)
}
