// The engine: many services, one bus, one store. It remembers, tells and acts; what to do is decided in the machines.
import { concat, defer, filter, type Observable, of, type Subscription, takeWhile } from 'rxjs'

import { AdapterError, messageOf, UsageError } from '../errors.ts'
import type { Envelope } from '../events/envelope.ts'
import type { OperatorEvent, RolloutEvent, RolloutEventOf } from '../events/rollout-event.ts'
import { type Returnability, returnability, useOf } from './admission.ts'
import { Bus } from './bus.ts'
import { toEnvelope } from './envelopes.ts'
import type { RolloutInspector } from './inspector.ts'
import { lookAfter, revisit } from './instances.ts'
import { Journal } from './journal.ts'
import { type Logger, silentLogger } from './log.ts'
import type { Adapters, Clock, InstanceEvent, Store } from './ports.ts'
import { freshService, isKnown, isServiceRecord, type TrackedDeployment } from './record.ts'
import { type RollbackTimes, rollbackSpec } from './rollback-spec.ts'
import { RolloutLogs } from './rollout-logs.ts'
import { Service, type Told } from './service.ts'
import type { RolloutSpec } from './spec.ts'
import type { EngineView, EventsOptions, Lagged, RollbackRequest, RolloutView, ServiceView } from './view.ts'
import { isOnItsWay, serviceView, viewIn } from './views.ts'

export interface EngineDeps {
  readonly store: Store
  readonly adapters: Adapters
  readonly clock: Clock
  readonly log?: Logger
  /** Hears of every rollout's machine, events and snapshots. */
  readonly inspector?: RolloutInspector
  /** Called last when the engine closes: lets go of what it was given. */
  readonly release?: () => void | Promise<void>
}

/** What ends with an engine: a server on it, say. */
export interface Attached {
  /** Where it is reached. */
  readonly url?: string
  close(): Promise<void> | void
}

/** Runs rollouts: remembers every step before it tells and acts, and goes on after a crash where it was. */
export class Engine implements EngineView, AsyncDisposable {
  readonly #deps: EngineDeps & { readonly log: Logger }
  readonly #attached: Attached[] = []
  readonly #bus: Bus
  readonly #logs: RolloutLogs
  readonly #services = new Map<string, Service>()
  readonly #opening = new Map<string, Promise<Service>>()
  readonly #platform: Subscription
  #closing: Promise<void> | undefined

  private constructor(deps: EngineDeps) {
    this.#deps = { log: silentLogger, ...deps }
    this.#bus = new Bus({ log: this.#deps.log })
    this.#logs = new RolloutLogs(this.#deps.log)
    this.#platform = deps.adapters.platform.events$.subscribe((event) => this.#hear(event))
  }

  /** Opens an engine on a store: whatever was going on in it goes on. */
  static async open(deps: EngineDeps): Promise<Engine> {
    const engine = new Engine(deps)
    for (const { service } of await deps.store.list()) {
      try {
        await engine.#service(service)
      } catch (error) {
        // One record that can't be read keeps no other service from going on.
        engine.#deps.log.error({ service, reason: messageOf(error) }, 'a service could not be opened')
      }
    }
    return engine
  }

  /** Where the engine serves its events and takes commands; null when it does not. */
  get url(): string | null {
    return this.#attached.find(({ url }) => url !== undefined)?.url ?? null
  }

  /** How often a subscriber threw: none of it did harm. */
  get subscriberErrors(): number {
    return this.#bus.caught
  }

  get events$(): Observable<Envelope> {
    return this.#bus.events$
  }

  on<T extends RolloutEvent['type']>(
    type: T,
    listener: (envelope: Envelope<RolloutEventOf<T>>) => void,
  ): () => void {
    return this.#bus.on(type, listener)
  }

  async *events({ since, rollout, signal = NEVER }: EventsOptions = {}): AsyncIterable<Envelope | Lagged> {
    const isWanted = (id: string) => rollout === undefined || id === rollout || id.startsWith(`${rollout}/`)
    if (since === undefined) {
      for await (const said of this.#bus.stream({ signal })) {
        if ('event' in said ? isWanted(said.rollout) : true) yield said
      }
      return
    }
    for await (const stored of this.#deps.store.watch(since, { signal })) {
      if (isWanted(stored.rollout)) yield toEnvelope(stored)
    }
  }

  head(): Promise<number> {
    return this.#deps.store.head()
  }

  state$(rollout: string): Observable<RolloutView> {
    const views = defer(() => {
      const view = this.rollout(rollout)
      if (view.status === 'ended') return of(view)
      return concat(of(view), this.#bus.state$(rollout)).pipe(
        takeWhile(({ status }) => status !== 'ended', true),
      )
    })
    return this.#bus.fenced(views)
  }

  services(): readonly ServiceView[] {
    const records = [...this.#services.values()].map((service) => service.record())
    return records.filter(isKnown).map((record) => serviceView(record))
  }

  /** @throws UsageError `ROLLOUT_UNKNOWN` for a service that never had a rollout */
  service(name: string): ServiceView {
    const record = this.#services.get(name)?.record()
    if (record !== undefined && isKnown(record)) return serviceView(record)
    throw new UsageError('ROLLOUT_UNKNOWN', `no service is called ${name}`, {
      hint: '`sluice list` shows all of them',
    })
  }

  rollout(id: string): RolloutView {
    for (const service of this.#services.values()) {
      const view = viewIn(service.record(), id)
      if (view !== null) return view
    }
    throw new UsageError('ROLLOUT_UNKNOWN', `no rollout is called ${id}`, {
      hint: '`sluice list` shows the newest',
    })
  }

  async send(rollout: string, event: OperatorEvent): Promise<RolloutView> {
    const { service } = this.rollout(rollout)
    await (await this.#service(service)).ask(rollout, event)
    return this.rollout(rollout)
  }

  /**
   * Starts a rollout, or joins the one that does the same already; resolves with its id once it is in the journal.
   * @throws UsageError `ROLLOUT_IN_PROGRESS`, `ROLLBACK_IMPOSSIBLE` or `EVENT_REFUSED`, with the reason
   */
  async start(spec: RolloutSpec): Promise<string> {
    return (await this.#service(spec.service)).start(spec)
  }

  /** Whether a service can go back to a version (to the one before, without one), and how. */
  async canRollback(service: string, target: string | null = null, force = false): Promise<Returnability> {
    return returnability((await this.#service(service)).record(), target, force)
  }

  async rollback(
    service: string,
    request: RollbackRequest = {},
    times: Partial<RollbackTimes> = {},
  ): Promise<RolloutView> {
    const { active } = this.service(service)
    const holder = active === null ? null : this.rollout(active)
    if (holder === null || !leadsBack(holder, request)) {
      return this.rollout(await this.start(rollbackSpec(service, request, times)))
    }
    return isOnItsWay(holder) ? holder : this.send(holder.id, abortFor(request))
  }

  /** Starts a rollback, whatever else is going on in the service; `keep` stops nothing of what it leaves. */
  async startRollback(
    service: string,
    { keep = false, ...request }: RollbackRequest & { readonly keep?: boolean },
    times: Partial<RollbackTimes> = {},
  ): Promise<string> {
    return this.start({ ...rollbackSpec(service, request, times), keep })
  }

  /** Makes a deployment that something else makes known. */
  async track(service: string, deployment: TrackedDeployment): Promise<void> {
    await (await this.#service(service)).note({ type: 'deployment.tracked', ...deployment })
  }

  async untrack(service: string, id: string): Promise<void> {
    await (await this.#service(service)).note({ type: 'deployment.untracked', id })
  }

  /**
   * Stops what runs of a version that nobody needs.
   * @throws UsageError `EVENT_REFUSED` for one that serves, is stable, or is being released
   */
  async cleanUp(name: string, version: string, signal: AbortSignal = NEVER): Promise<void> {
    const service = await this.#service(name)
    const use = useOf(service.record(), version)
    if (use !== null) throw new UsageError('EVENT_REFUSED', `${version} can't be cleaned up: ${use}`)
    await this.#deps.adapters.platform.stop({ service: name, version }, { signal })
    await service.note({ type: 'version.stopped', version })
  }

  /** Resolves with the view of a rollout once it has ended, or is stranded. The signal ends the wait, not the rollout. */
  async ended(rollout: string, signal: AbortSignal = NEVER): Promise<RolloutView> {
    return this.when(rollout, ({ outcome }) => outcome !== null, signal)
  }

  /** Resolves with the first view of a rollout, from now on, that `holds`; rejects when it ends before. */
  when(
    rollout: string,
    holds: (view: RolloutView) => boolean,
    signal: AbortSignal = NEVER,
  ): Promise<RolloutView> {
    const { promise, resolve, reject } = Promise.withResolvers<RolloutView>()
    const stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    const found = this.state$(rollout).pipe(filter(holds))
    const subscription = found.subscribe({
      next: resolve,
      error: reject,
      complete: () => reject(new UsageError('EVENT_REFUSED', `${rollout} has ended`)),
    })
    return promise.finally(() => {
      signal.removeEventListener('abort', stop)
      subscription.unsubscribe()
    })
  }

  /** Closes `what` with the engine, before anything else. */
  attach(what: Attached): void {
    this.#attached.push(what)
  }

  /** Stops watching and acting; what goes on is gone on with by the next engine on the same store. Safe to call twice. */
  async close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    for (const attached of this.#attached.toReversed()) await attached.close()
    this.#platform.unsubscribe()
    await Promise.all([...this.#services.values()].map((service) => service.close()))
    await this.#deps.store.close()
    await this.#deps.release?.()
  }

  #service(name: string): Promise<Service> {
    const opening = this.#opening.get(name) ?? this.#open(name)
    this.#opening.set(name, opening)
    opening.catch(() => this.#opening.delete(name))
    return opening
  }

  async #open(name: string): Promise<Service> {
    const { store, clock } = this.#deps
    const stored = await store.load(name)
    const record = stored?.record ?? freshService(name)
    if (!isServiceRecord(record))
      throw new AdapterError('STORE_CORRUPT', `the record of ${name} can't be read`)
    const journal = new Journal(this.#deps, name, stored?.version ?? 0)
    const service = new Service(record, {
      ...this.#deps,
      logs: this.#logs,
      journal,
      tell: (told) => this.#bus.guard(() => this.#tell(told)),
    })
    this.#services.set(name, service)
    if (stored !== null) {
      service.resume(clock.now() - record.updatedAt)
      for (const { id, parent } of record.rollouts) this.#present(service, { id, parent: parent?.id ?? null })
      void lookAfter(service, this.#deps)
    }
    return service
  }

  #tell({ stored, event, record, snapshot }: Told): void {
    const envelope = { ...toEnvelope(stored), event }
    const view = viewIn(record, stored.rollout)
    if (view !== null) this.#bus.guard(() => this.#inspect(event, { view, snapshot }))
    this.#bus.publish(envelope)
    if (view === null) return
    this.#bus.guard(() => this.#write(event, view))
    this.#bus.publishState(view.id, view)
    if (view.status === 'ended') this.#bus.endState(view.id)
  }

  /** A line for each step; that of an ending says how it ended. */
  #write(
    { type: event }: RolloutEvent,
    { id, service, strategy, state, status, outcome }: RolloutView,
  ): void {
    const ended =
      outcome === null ? {} : { outcome: outcome.status, cause: outcome.cause, reason: outcome.reason }
    this.#logs
      .of(id)
      .info({ service, strategy, event, state, ...ended }, status === 'ended' ? 'ended' : 'stepped')
    if (status === 'ended') this.#logs.forget(id)
  }

  #inspect(event: RolloutEvent, { view, snapshot }: Pick<Told, 'snapshot'> & { view: RolloutView }): void {
    const { inspector } = this.#deps
    if (inspector === undefined) return
    const { id, parent, status } = view
    if (snapshot !== null) {
      if (event.type === 'rollout.requested') {
        inspector.started({ id, parent, machine: snapshot.machine, snapshot })
      } else {
        inspector.stepped({ id, event, snapshot })
      }
    }
    if (status === 'ended') inspector.ended(id)
  }

  /** Shows the inspector what goes on after a restart. */
  #present(service: Service, { id, parent }: Pick<RolloutView, 'id' | 'parent'>): void {
    const snapshot = service.snapshot(id)
    if (snapshot === undefined) return
    this.#bus.guard(() => this.#deps.inspector?.started({ id, parent, machine: snapshot.machine, snapshot }))
  }

  /** What the platform noticed by itself: a death is told to the releases it concerns, a new place to the router. */
  #hear({ kind, instance, reason }: InstanceEvent): void {
    const service = this.#services.get(instance.service)
    if (service === undefined) return
    // What was started again has died before: that is not made good by its restart.
    service.mourn(instance.version, reason)
    if (kind === 'restarted') void revisit(service, this.#deps)
  }
}

const NEVER = new AbortController().signal

/** Whether aborting a rollout that is going on leads to where a rollback is to lead. */
function leadsBack(
  { strategy, status, stable }: RolloutView,
  { targetVersion = stable ?? undefined }: RollbackRequest,
) {
  return strategy !== 'rollback' && status === 'active' && targetVersion === (stable ?? undefined)
}

function abortFor({ cause = 'manual', force = false, reason, by }: RollbackRequest): OperatorEvent {
  const why = { ...(reason === undefined ? {} : { reason }), ...(by === undefined ? {} : { by }) }
  return { type: 'abort.requested', cause, force, ...why }
}
