import { join } from 'node:path'

import type { Instance, InstanceEvent } from '../../engine/ports.ts'
import { messageOf } from '../../errors.ts'
import { endGroup, type Leader, leads } from './group.ts'
import { launch } from './launch.ts'
import { limitLog, prepareLog } from './log-file.ts'
import { type Ending, obituary } from './obituary.ts'
import { logOf, type ServicePlace } from './place.ts'
import { type Plan, planFor, secretsOf } from './plan.ts'
import { takePort } from './port.ts'
import type { ProcessTable } from './process-table.ts'
import { forgetRecord, type InstanceRecord, instanceOf, nameOf, saveRecord } from './record.ts'
import { restartDelayMs, type Settings } from './settings.ts'
import { discard, issueTicket, withdraw } from './ticket.ts'

export interface KeeperDeps {
  readonly place: ServicePlace
  readonly table: ProcessTable
  readonly settings: Settings
  /** The ports of all instances that are kept. */
  readonly ports: Set<number>
  /** Aborted when the controller lets go of its instances: they go on, and the next one finds them. */
  readonly signal: AbortSignal
  readonly tell: (event: InstanceEvent) => void
}

/** `waiting` for its restart; `gone` when it was stopped, or never came to be. */
type Phase = 'new' | 'running' | 'waiting' | 'stopping' | 'gone'

/** Keeps one instance alive until it is stopped. What it does to the instance, it does one thing after the other. */
export class Keeper {
  readonly #deps: KeeperDeps
  #record: InstanceRecord
  #phase: Phase = 'new'
  /** The first process; also a dead one, as long as others of its group may run. */
  #leader: Leader | null = null
  /** Whether the system tells when the process ends, or has to be asked. */
  #kinship: 'child' | 'stranger' = 'stranger'
  /** What not to show of its log; null when that is not known. */
  #secrets: readonly string[] | null = null
  #timer: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined
  #tail: Promise<unknown> = Promise.resolve()

  /** The record's port is the keeper's from now on. */
  constructor(record: InstanceRecord, deps: KeeperDeps) {
    this.#record = record
    this.#deps = deps
    deps.ports.add(record.port)
  }

  get record(): InstanceRecord {
    return this.#record
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Where it is, or will be once it was started again. */
  instance(): Instance {
    return instanceOf(this.#record)
  }

  async runs(): Promise<boolean> {
    return this.#leader !== null && leads(this.#deps.table, this.#leader)
  }

  /**
   * Starts a new instance.
   * @throws AdapterError `PLATFORM_FAILED`: then nothing is left of it
   */
  start(plan: Plan): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#launch(plan, this.#record)
      } catch (error) {
        if (!this.#deps.signal.aborted) await this.#forget()
        throw error
      }
    })
  }

  /** Takes over what an earlier controller left behind. */
  resume(): Promise<void> {
    return this.#inTurn(async () => {
      const { wanted, ticket, restarts, failures } = this.#record
      this.#secrets = await secretsOf(this.#record)
      this.#leader = ticket === null ? null : await withdraw(this.#path(ticket), this.#deps.table)
      if (wanted === 'stopped') this.stop().catch(() => {})
      else if (this.#leader !== null) await this.#adopt(this.#leader)
      // It was never there: whoever wanted it will ask again.
      else if (ticket !== null && restarts === 0) await this.#forget()
      else await this.#wait(Math.max(1, failures))
    })
  }

  /** From now on it is started like that; what runs goes on as it is. */
  async use(run: InstanceRecord['run']): Promise<void> {
    if (JSON.stringify(run) === JSON.stringify(this.#record.run)) return
    await this.#inTurn(async () => this.#save({ ...this.#record, run }))
  }

  /** Looks how long its log is, and whether it still runs, where the system does not tell. */
  async look(): Promise<void> {
    const { table, settings } = this.#deps
    const leader = this.#leader
    if (this.#phase !== 'running' || leader === null) return
    if (this.#kinship === 'stranger' && !(await leads(table, leader))) this.#ended(leader, { kind: 'unseen' })
    await limitLog(this.#log(), settings.logLimit)
  }

  /** Resolves when nothing of it runs any more, and nothing but its log is left. */
  stop(): Promise<void> {
    if (this.#phase === 'gone') return Promise.resolve()
    this.#phase = 'stopping'
    clearTimeout(this.#timer)
    this.#stopping ??= this.#inTurn(async () => this.#end()).finally(() => (this.#stopping = undefined))
    return this.#stopping
  }

  /** Resolves when nothing is being done to it; until then it may be on its way to another place. */
  async settled(): Promise<void> {
    await this.#tail
  }

  async #adopt(leader: Leader): Promise<void> {
    this.#phase = 'running'
    if (!(await this.runs())) this.#ended(leader, { kind: 'unwatched' })
  }

  async #launch(plan: Plan, record: InstanceRecord): Promise<void> {
    const { place, table, settings, signal } = this.#deps
    const log = this.#log()
    const logFrom = await prepareLog(log, settings.logLimit)
    const ticket = await issueTicket(place.dir, table)
    await this.#save({ ...record, ticket, logFrom, startedAt: Date.now() })
    const what = { record: this.#record, plan, ticket: this.#path(ticket), log, signal }
    const { leader, exited } = await launch(table, what)
    this.#leader = leader
    this.#kinship = 'child'
    this.#secrets = plan.secrets
    // It may have been asked to stop meanwhile: that comes next.
    if (this.#phase !== 'stopping') this.#phase = 'running'
    void exited.then((exit) => this.#ended(leader, { kind: 'exited', ...exit }))
  }

  /** Nobody had asked for it to end. */
  #ended(leader: Leader, ending: Ending): void {
    if (this.#phase !== 'running' || this.#leader !== leader || this.#deps.signal.aborted) return
    this.#phase = 'waiting'
    this.#inTurn(async () => this.#mend(leader, ending)).catch(() => {})
  }

  async #mend(leader: Leader, ending: Ending): Promise<void> {
    const { table, settings, signal } = this.#deps
    const { startedAt, failures, logFrom, ticket } = this.#record
    const isSteady = ending.kind === 'unwatched' || Date.now() - startedAt >= settings.steadyMs
    const found = await obituary(ending, { path: this.#log(), from: logFrom, secrets: this.#secrets })
    this.#tell('exited', `${nameOf(this.#record)} ${found}`)
    await endGroup(table, leader, { graceMs: 0, signal })
    this.#leader = null
    // One that stays is found, and thrown away, when the directory is opened next.
    if (ticket !== null) await discard(this.#path(ticket)).catch(() => {})
    await this.#wait(isSteady ? 1 : failures + 1)
  }

  /** Waits for the restart, which will be on another port: somebody may have taken the one it had. */
  async #wait(failures: number): Promise<void> {
    const { ports, settings } = this.#deps
    if (this.#phase !== 'stopping') this.#phase = 'waiting'
    try {
      await this.#save({ ...this.#record, failures, ticket: null, port: await takePort(ports) })
    } catch {
      // It may still go well when its time has come; and if not, that is told.
    }
    this.#schedule(restartDelayMs(failures, settings))
  }

  #schedule(ms: number): void {
    if (this.#phase !== 'waiting' || this.#deps.signal.aborted) return
    const restart = (): void => {
      this.#inTurn(async () => this.#restart()).catch(() => {})
    }
    this.#timer = setTimeout(restart, ms).unref()
  }

  async #restart(): Promise<void> {
    if (this.#phase !== 'waiting' || this.#deps.signal.aborted) return
    const before = this.#record
    try {
      const port = await takePort(this.#deps.ports, before.port)
      const record = { ...before, port, restarts: before.restarts + 1 }
      await this.#launch(await planFor(record), record)
      this.#tell('restarted', `${nameOf(record)} was started again, restart ${record.restarts}`)
    } catch (error) {
      this.#tell('exited', messageOf(error))
      await this.#giveUp(before)
    }
  }

  /** Nothing is left of a restart that did not come about; the next one will be later. */
  async #giveUp({ restarts, failures }: InstanceRecord): Promise<void> {
    if (this.#deps.signal.aborted) return
    const { ticket } = this.#record
    if (ticket !== null) await discard(this.#path(ticket)).catch(() => {})
    this.#record = { ...this.#record, restarts }
    await this.#wait(failures + 1)
  }

  async #end(): Promise<void> {
    const { table, signal } = this.#deps
    const { run } = this.#record
    // The way down does not depend on the disk: without this line, the next controller takes its end for a crash.
    await this.#save({ ...this.#record, wanted: 'stopped' }).catch(() => {})
    if (this.#leader !== null) await endGroup(table, this.#leader, { graceMs: run.stopGraceMs, signal })
    await this.#forget()
  }

  async #forget(): Promise<void> {
    const { place, ports } = this.#deps
    const { ticket, port } = this.#record
    if (ticket !== null) await discard(this.#path(ticket))
    await forgetRecord(place.dir, this.#record)
    this.#leader = null
    this.#phase = 'gone'
    ports.delete(port)
  }

  /** What was remembered last is what counts, whether or not the disk could take it. */
  async #save(record: InstanceRecord): Promise<void> {
    const { ports, place } = this.#deps
    ports.delete(this.#record.port)
    ports.add(record.port)
    this.#record = record
    await saveRecord(place.dir, record)
  }

  #tell(kind: InstanceEvent['kind'], reason: string): void {
    if (!this.#deps.signal.aborted) this.#deps.tell({ kind, instance: this.instance(), reason })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work)
    this.#tail = done.catch(() => {})
    return done
  }

  #path(ticket: string): string {
    return join(this.#deps.place.dir, ticket)
  }

  #log(): string {
    return logOf(this.#deps.place, nameOf(this.#record))
  }
}
