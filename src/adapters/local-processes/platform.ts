import { readdir } from 'node:fs/promises'

import { type Observable, Subject } from 'rxjs'

import type { Cancellable, Deployable, Instance, InstanceEvent, Platform } from '../../engine/ports.ts'
import { AdapterError, messageOf, UsageError } from '../../errors.ts'
import { name } from '../../units.ts'
import { checkDeployable } from './decode.ts'
import { Fleet } from './fleet.ts'
import { type Lock, takeLock } from './lock.ts'
import { type Place, placeOf } from './place.ts'
import { type ProcessTable, processTable } from './process-table.ts'
import type { Settings } from './settings.ts'
import { pause, unlessAborted } from './waiting.ts'

/** How late the end of a process may be seen that an earlier controller started. */
const LOOK_MS = 250
/** How long a controller before may take to let go. */
const LOCK_PATIENCE_MS = 5_000
const LOCK_POLL_MS = 50
const NEVER = new AbortController().signal

/** Which instances: those of one service, or all. */
export interface Which extends Partial<Cancellable> {
  readonly service?: string
}

/** Local processes as a {@link Platform}, with what an operator needs besides. */
export interface LocalProcesses extends Platform {
  /** Stops every instance of one service or, without one, of the whole state directory; also of earlier controllers. */
  stopAll(which?: Which): Promise<void>
  /** Lets go of all instances, which run on: whoever opens the state directory next finds them. Safe to call twice. */
  close(): Promise<void>
}

export class LocalPlatform implements LocalProcesses {
  readonly #place: Place
  readonly #settings: Settings
  readonly #table: ProcessTable = processTable()
  readonly #fleets = new Map<string, Promise<Fleet>>()
  readonly #events = new Subject<InstanceEvent>()
  readonly #ports = new Set<number>()
  readonly #lifetime = new AbortController()
  #lock: Promise<Lock> | undefined
  #watch: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor(place: Place, settings: Settings) {
    this.#place = place
    this.#settings = settings
  }

  get events$(): Observable<InstanceEvent> {
    return this.#events.asObservable()
  }

  async start(what: Deployable, { signal }: Cancellable): Promise<readonly Instance[]> {
    checkDeployable(what)
    return this.#do(what.service, { signal }, async (fleet) => fleet.start(what, signal))
  }

  async stop(
    { service, version }: { readonly service: string; readonly version: string },
    options: Cancellable,
  ): Promise<void> {
    name(version, 'version')
    return this.#do(service, options, async (fleet) => fleet.stop(version))
  }

  async list(service: string, options: Cancellable): Promise<readonly Instance[]> {
    return this.#do(service, options, async (fleet) => fleet.list())
  }

  async stopAll({ service, signal = NEVER }: Which = {}): Promise<void> {
    const services = service === undefined ? await this.#known() : [service]
    await Promise.all(
      services.map(async (each) => this.#do(each, { signal }, async (fleet) => fleet.stopAll())),
    )
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #do<T>(service: string, { signal }: Cancellable, work: (fleet: Fleet) => Promise<T>): Promise<T> {
    name(service, 'service')
    signal.throwIfAborted()
    this.#lifetime.signal.throwIfAborted()
    const either = AbortSignal.any([signal, this.#lifetime.signal])
    try {
      return await unlessAborted(this.#fleet(service).then(work), either)
    } catch (error) {
      signal.throwIfAborted()
      throw asFailure(error)
    }
  }

  #fleet(service: string): Promise<Fleet> {
    const known = this.#fleets.get(service)
    if (known !== undefined) return known
    const opening = this.#open(service)
    this.#fleets.set(service, opening)
    opening.catch(() => this.#fleets.delete(service))
    return opening
  }

  async #open(service: string): Promise<Fleet> {
    const { signal } = this.#lifetime
    await this.#hold()
    const fleet = await Fleet.open({
      place: placeOf(this.#place, service),
      table: this.#table,
      settings: this.#settings,
      ports: this.#ports,
      signal,
      tell: (event) => this.#events.next(event),
    })
    signal.throwIfAborted()
    this.#watch ??= setInterval(() => void this.#look(), LOOK_MS).unref()
    return fleet
  }

  async #hold(): Promise<Lock> {
    const taking = (this.#lock ??= this.#take())
    taking.catch(() => (this.#lock = undefined))
    return taking
  }

  async #take(): Promise<Lock> {
    const deadline = performance.now() + LOCK_PATIENCE_MS
    for (;;) {
      const taken = await takeLock(this.#place.locks, this.#table)
      if (typeof taken === 'object') return taken
      if (performance.now() > deadline) throw held(this.#place.dir, taken)
      await pause(LOCK_POLL_MS, this.#lifetime.signal)
    }
  }

  #isLooking = false

  /** What could not be seen now is seen the next time. */
  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    const fleets = await Promise.allSettled(this.#fleets.values())
    const opened = fleets.filter((each) => each.status === 'fulfilled').map(({ value }) => value)
    await Promise.allSettled(opened.map(async (fleet) => fleet.look()))
    this.#isLooking = false
  }

  /** The services that anything is remembered of. */
  async #known(): Promise<readonly string[]> {
    const found = await readdir(this.#place.processes, { withFileTypes: true }).catch(() => [])
    return found.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  }

  async #close(): Promise<void> {
    this.#lifetime.abort(closed())
    clearInterval(this.#watch)
    const fleets = await Promise.allSettled(this.#fleets.values())
    for (const fleet of fleets) {
      if (fleet.status === 'fulfilled') await fleet.value.rest()
    }
    const lock = await this.#lock?.catch(() => undefined)
    await lock?.release()
    this.#events.complete()
  }
}

/** Whatever the disk or the system said, in the port's words. */
function asFailure(error: unknown): Error {
  if (error instanceof UsageError || error instanceof AdapterError) return error
  return new AdapterError('PLATFORM_FAILED', `local processes: ${messageOf(error)}`, {
    cause: error,
    hint: 'See that the state directory can be written, and that its disk is well',
  })
}

function held(dir: string, pid: number): AdapterError {
  const who = pid === 0 ? 'another controller' : `another controller (process ${pid})`
  return new AdapterError('PLATFORM_FAILED', `${who} keeps the processes of ${dir}`, {
    hint: 'End that one first, or use another state directory',
  })
}

function closed(): AdapterError {
  return new AdapterError('PLATFORM_FAILED', 'local processes: closed', {
    hint: 'Open the state directory anew',
  })
}
