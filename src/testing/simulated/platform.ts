import { type Observable, Subject } from 'rxjs'

import type { Cancellable, Clock, Deployable, Instance, InstanceEvent, Platform } from '../../engine/ports.ts'
import { type Fault, suffering } from './fault.ts'

/** A {@link Platform} in memory: instances exist at once, and die when a test wants it. */
export class SimulatedPlatform implements Platform {
  /** What is wrong with `start`. */
  fault: Fault = 'none'
  /** What is wrong with `stop`. */
  stopFault: Fault = 'none'
  /** What `start` throws for a version, for what no fault says. */
  readonly refusals = new Map<string, Error>()
  /** Versions that were started, one entry for each instance that had not existed before. */
  readonly started: string[] = []
  readonly #events = new Subject<InstanceEvent>()
  readonly #instances = new Map<string, Instance>()
  readonly #clock: Clock
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get events$(): Observable<InstanceEvent> {
    return this.#events
  }

  start(what: Deployable, _options: Cancellable): Promise<readonly Instance[]> {
    return this.#suffer(this.fault, () => {
      const refusal = this.refusals.get(what.version)
      if (refusal !== undefined) throw refusal
      while (this.#of(what).length < what.run.replicas) this.#add(what, 0)
      return this.#of(what)
    })
  }

  stop(what: { readonly service: string; readonly version: string }, _options: Cancellable): Promise<void> {
    return this.#suffer(this.stopFault, () => {
      for (const { instance } of this.#of(what)) this.#instances.delete(instance)
    })
  }

  async list(service: string, _options: Cancellable): Promise<readonly Instance[]> {
    return [...this.#instances.values()].filter((instance) => instance.service === service)
  }

  /** The versions of a service that run now. */
  running(service: string): readonly string[] {
    const versions = [...this.#instances.values()]
      .filter((instance) => instance.service === service)
      .map(({ version }) => version)
    return [...new Set(versions)].toSorted()
  }

  /** An instance of the version dies, and nobody starts it again. */
  exit(service: string, version: string): void {
    const [instance] = this.#of({ service, version })
    if (instance === undefined) throw new TypeError(`no instance of ${version} runs`)
    this.#instances.delete(instance.instance)
    this.#events.next({ kind: 'exited', instance, reason: 'exit code 1' })
  }

  /** An instance of the version dies, and is started again in another place. */
  move(service: string, version: string): void {
    this.exit(service, version)
    const instance = this.#add({ service, version }, 1)
    this.#events.next({ kind: 'restarted', instance, reason: 'exit code 1' })
  }

  #of({ service, version }: Pick<Deployable, 'service' | 'version'>): readonly Instance[] {
    return [...this.#instances.values()].filter(
      (instance) => instance.service === service && instance.version === version,
    )
  }

  #add({ service, version }: Pick<Deployable, 'service' | 'version'>, restarts: number): Instance {
    const instance = `${version}-${++this.#count}`
    const url = `http://127.0.0.1:${30_000 + this.#count}`
    const made = { instance, url, service, version, startedAt: this.#clock.now(), restarts }
    this.#instances.set(instance, made)
    this.started.push(version)
    return made
  }

  #suffer<T>(fault: Fault, work: () => T): Promise<T> {
    return suffering(fault, work, { clock: this.#clock, refused: 'PLATFORM_FAILED' })
  }
}
