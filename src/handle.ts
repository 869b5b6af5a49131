import { defer, filter, from, type Observable, switchMap } from 'rxjs'

import { type EngineChoice, engineOf, type Lease } from './defaults.ts'
import { unlessAborted } from './engine/back-off.ts'
import type { Engine } from './engine/engine.ts'
import type { RolloutSpec } from './engine/spec.ts'
import type { RolloutView, ServiceView } from './engine/view.ts'
import { isOnItsWay } from './engine/views.ts'
import { UsageError } from './errors.ts'
import type { Envelope } from './events/envelope.ts'
import type { OperatorEvent } from './events/rollout-event.ts'
import type { StrategyName } from './machines/index.ts'
import type { TestFunction } from './options.ts'
import { name as toName } from './units.ts'

/** Ends the wait, never the rollout. */
export interface Waiting {
  readonly signal?: AbortSignal | undefined
}

/** What every part is told. */
interface HandleOptions extends EngineChoice {
  readonly name: string
  readonly onBusy?: 'refuse' | 'supersede' | 'queue'
}

/**
 * A handle on a service: what the public parts have in common. It holds no state of its own, so any number of them, in any
 * number of programs one after the other, can be made for the same service.
 */
export abstract class ServiceHandle<O extends HandleOptions> implements AsyncDisposable {
  /** The service. */
  readonly name: string
  protected readonly options: O
  #lease: Promise<Lease> | undefined

  /** What the rollouts of this part are. */
  protected abstract readonly strategy: StrategyName

  protected constructor(options: O) {
    this.name = toName(options.name, 'name')
    this.options = options
  }

  /** Every event of the service once it is in the journal, in order, from now on. */
  get events$(): Observable<Envelope> {
    return defer(() => from(this.engine())).pipe(
      switchMap((engine) => engine.events$),
      filter(({ service }) => service === this.name),
    )
  }

  /** The newest view of the service's rollout, then each that follows; completes with its end. */
  get state$(): Observable<RolloutView> {
    return defer(() => from(this.current())).pipe(
      switchMap(async ({ id }) => (await this.engine()).state$(id)),
      switchMap((views) => views),
    )
  }

  /** The service as it stands: its stable revision, its split, its rollouts. */
  async service(waiting: Waiting = {}): Promise<ServiceView> {
    return (await this.engine(waiting)).service(this.name)
  }

  /** Lets go of the engine. What goes on is gone on with by the next engine on the same state directory. */
  async close(): Promise<void> {
    const lease = this.#lease
    this.#lease = undefined
    await (await lease)?.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  protected async engine({ signal }: Waiting = {}): Promise<Engine> {
    return (await patiently(this.#lend(), signal)).engine
  }

  /** Makes test functions known by their names, so that they are found again after a restart. */
  protected async bind(
    tests: readonly { readonly name: string; readonly run: TestFunction }[],
  ): Promise<void> {
    const lease = await this.#lend()
    for (const test of tests) lease.bind({ service: this.name, ...test })
  }

  /** The version that serves; null before the first release. */
  protected async stable(): Promise<string | null> {
    const known = (await this.engine()).services().find(({ service }) => service === this.name)
    return known?.stable?.version ?? null
  }

  /** The rollout of this part that goes on, or the one that ended last. What other parts do in the service is theirs. */
  protected async current(waiting: Waiting = {}): Promise<RolloutView> {
    const { rollouts } = (await this.engine(waiting)).service(this.name)
    const own = rollouts.filter(({ strategy, parent }) => strategy === this.strategy && parent === null)
    const found = own.find(({ status }) => status !== 'ended') ?? own[0]
    if (found !== undefined) return found
    throw new UsageError('ROLLOUT_UNKNOWN', `${this.name} has no ${this.strategy} rollout`, {
      hint: 'Call deploy() first',
    })
  }

  protected async send(rollout: string, event: OperatorEvent, { signal }: Waiting): Promise<RolloutView> {
    return patiently((await this.engine({ signal })).send(rollout, event), signal)
  }

  /** Asks for an abort, unless it is on its way already: somebody else may have been faster. */
  protected async takeBack(
    rollout: string,
    how: { readonly reason?: string; readonly force: boolean },
    waiting: Waiting,
  ): Promise<void> {
    const engine = await this.engine(waiting)
    if (isOnItsWay(engine.rollout(rollout))) return
    try {
      await this.send(rollout, { type: 'abort.requested', ...how }, waiting)
    } catch (error) {
      if (!isOnItsWay(engine.rollout(rollout))) throw error
    }
  }

  /** Starts a rollout the way `onBusy` says, and resolves with its id. */
  protected async begin(spec: RolloutSpec, { signal }: Waiting): Promise<string> {
    const engine = await this.engine({ signal })
    for (;;) {
      try {
        return await patiently(engine.start(spec), signal)
      } catch (error) {
        const isBusy = error instanceof UsageError && error.code === 'ROLLOUT_IN_PROGRESS'
        const onBusy = this.options.onBusy ?? 'refuse'
        if (!isBusy || onBusy === 'refuse') throw error
        await this.#makeRoom(onBusy, { engine, signal })
      }
    }
  }

  /** The first view of a rollout that `holds`; rejects with how it ended when it ends without. */
  protected async reach(
    id: string,
    holds: (view: RolloutView) => boolean,
    { signal }: Waiting,
  ): Promise<RolloutView> {
    const engine = await this.engine()
    const view = await engine.when(id, (now) => holds(now) || now.outcome !== null, signal)
    if (holds(view)) return view
    const { status = 'over', reason = null } = view.outcome ?? {}
    throw new UsageError('EVENT_REFUSED', `${id} is ${status}: ${reason ?? 'no reason was given'}`)
  }

  #lend(): Promise<Lease> {
    this.#lease ??= engineOf(this.options).catch((error: unknown) => {
      this.#lease = undefined // what was in the way may be gone the next time
      throw error
    })
    return this.#lease
  }

  /** Waits for the rollout that holds the service, or has it taken back first. */
  async #makeRoom(
    way: 'supersede' | 'queue',
    { engine, signal }: Waiting & { readonly engine: Engine },
  ): Promise<void> {
    const { active } = engine.service(this.name)
    if (active === null) return
    if (way === 'supersede') await engine.rollback(this.name, { reason: 'superseded by a newer deploy' })
    await engine.when(active, ({ status }) => status === 'ended', signal)
  }
}

/** What `work` comes to, or a rejection as soon as the signal aborts. */
function patiently<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return signal === undefined ? work : unlessAborted(work, signal)
}
