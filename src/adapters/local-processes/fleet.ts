import { join } from 'node:path'

import type { Deployable, Instance, RunSpec } from '../../engine/ports.ts'
import { endGroup } from './group.ts'
import { Keeper, type KeeperDeps } from './keeper.ts'
import { planFor } from './plan.ts'
import { takePort } from './port.ts'
import { type InstanceRecord, nameOf, recordsIn } from './record.ts'
import { discard, ticketsIn, withdraw } from './ticket.ts'

/** How long what nobody remembers may take to end. */
const STRAY_GRACE_MS = 1_000

/** The instances of one service. What is asked about a version is done one after the other. */
export class Fleet {
  readonly #deps: KeeperDeps
  readonly #keepers = new Map<string, Keeper>()
  readonly #queues = new Map<string, Promise<unknown>>()

  private constructor(deps: KeeperDeps) {
    this.#deps = deps
  }

  /** Takes over all that earlier controllers left of a service. */
  static async open(deps: KeeperDeps): Promise<Fleet> {
    const failure = new AbortController()
    const fleet = new Fleet({ ...deps, signal: AbortSignal.any([deps.signal, failure.signal]) })
    try {
      const records = await recordsIn(deps.place.dir)
      await fleet.#endStrays(new Set(records.map(({ ticket }) => ticket)))
      await Promise.all(records.map(async (record) => fleet.#resume(record)))
      return fleet
    } catch (error) {
      // Whoever tries again must be the only one to mend what has been taken over by now.
      failure.abort()
      throw error
    }
  }

  /** Makes a version have exactly the instances that it wants, and resolves with them. */
  start(what: Deployable, signal: AbortSignal): Promise<readonly Instance[]> {
    const { version, run } = what
    return this.#inTurn(version, async () => {
      signal.throwIfAborted()
      await this.#stop(this.#of(version).filter((keeper) => isOver(keeper) || exceeds(keeper, run)))
      await Promise.all(this.#of(version).map(async (keeper) => keeper.use(run)))
      await this.#add(what, signal)
      const keepers = this.#of(version)
      await Promise.all(keepers.map(async (keeper) => keeper.settled()))
      return keepers.map((keeper) => keeper.instance())
    })
  }

  /** Resolves when nothing of a version runs any more. */
  stop(version: string): Promise<void> {
    return this.#inTurn(version, async () => this.#stop(this.#of(version)))
  }

  async stopAll(): Promise<void> {
    const versions = new Set([...this.#keepers.values()].map(({ record }) => record.version))
    await Promise.all([...versions].map(async (version) => this.stop(version)))
  }

  /** Those that run now. */
  async list(): Promise<readonly Instance[]> {
    const keepers = sorted(this.#keepers.values())
    const running = await Promise.all(keepers.map(async (keeper) => keeper.runs()))
    return keepers.filter((_, i) => running[i] === true).map((keeper) => keeper.instance())
  }

  async look(): Promise<void> {
    await Promise.all([...this.#keepers.values()].map(async (keeper) => keeper.look()))
  }

  /** Resolves when nothing is done to the instances any more, which is soon after the signal was aborted. */
  async rest(): Promise<void> {
    await Promise.allSettled(this.#queues.values())
    await Promise.all([...this.#keepers.values()].map(async (keeper) => keeper.settled()))
  }

  /** Adds the missing instances: all of them can be started, as far as that can be known, before the first one is. */
  async #add({ service, version, run }: Deployable, signal: AbortSignal): Promise<void> {
    const missing = Array.from({ length: run.replicas }, (_, i) => i + 1).filter(
      (number) => !this.#keepers.has(nameOf({ version, number })),
    )
    const records: InstanceRecord[] = []
    try {
      for (const number of missing) {
        const port = await takePort(this.#deps.ports)
        records.push({ service, version, number, run, port, ...UNSTARTED })
      }
      const plans = await Promise.all(records.map(planFor))
      for (const [i, plan] of plans.entries()) {
        signal.throwIfAborted()
        const record = records[i]
        if (record !== undefined) await this.#startOne(record, plan)
      }
    } finally {
      for (const { port, ...record } of records) {
        if (!this.#keepers.has(nameOf(record))) this.#deps.ports.delete(port)
      }
    }
  }

  async #startOne(record: InstanceRecord, plan: Awaited<ReturnType<typeof planFor>>): Promise<void> {
    const keeper = new Keeper(record, this.#deps)
    await keeper.start(plan)
    this.#keepers.set(nameOf(record), keeper)
  }

  async #resume(record: InstanceRecord): Promise<void> {
    const keeper = new Keeper(record, this.#deps)
    await keeper.resume()
    if (keeper.phase !== 'gone') this.#keepers.set(nameOf(record), keeper)
  }

  async #stop(keepers: readonly Keeper[]): Promise<void> {
    await Promise.all(
      keepers.map(async (keeper) => {
        await keeper.stop()
        this.#keepers.delete(nameOf(keeper.record))
      }),
    )
  }

  /** Whatever has a ticket that no record names. */
  async #endStrays(known: ReadonlySet<string | null>): Promise<void> {
    const { place, table, signal } = this.#deps
    for (const ticket of await ticketsIn(place.dir)) {
      if (known.has(ticket) || known.has(ticket.replace(/\.withdrawn$/, ''))) continue
      const path = join(place.dir, ticket)
      const leader = await withdraw(path, table)
      if (leader !== null) await endGroup(table, leader, { graceMs: STRAY_GRACE_MS, signal })
      await discard(path)
    }
  }

  #of(version: string): readonly Keeper[] {
    return sorted([...this.#keepers.values()].filter(({ record }) => record.version === version))
  }

  #inTurn<T>(version: string, work: () => Promise<T>): Promise<T> {
    const done = (this.#queues.get(version) ?? Promise.resolve()).then(() => {
      this.#deps.signal.throwIfAborted()
      return work()
    })
    const tail = done.catch(() => {})
    this.#queues.set(version, tail)
    void tail.finally(() => {
      if (this.#queues.get(version) === tail) this.#queues.delete(version)
    })
    return done
  }
}

const UNSTARTED = {
  wanted: 'running',
  ticket: null,
  startedAt: 0,
  restarts: 0,
  failures: 0,
  logFrom: 0,
} as const

/** One that an earlier controller had begun to stop. */
function isOver({ phase }: Keeper): boolean {
  return phase === 'stopping' || phase === 'gone'
}

function exceeds({ record }: Keeper, { replicas }: RunSpec): boolean {
  return record.number > replicas
}

function sorted(keepers: Iterable<Keeper>): readonly Keeper[] {
  return [...keepers].toSorted(
    ({ record: a }, { record: b }) =>
      (a.version < b.version ? -1 : Number(a.version > b.version)) || a.number - b.number,
  )
}
