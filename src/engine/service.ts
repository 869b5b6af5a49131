// A service at work: its record, its rollouts, and the one queue through which everything that happens to them goes.
//
// The order is the contract. Remember: one commit holds the journal line and the whole new record. Tell: whoever listens
// hears of what is committed, never of anything else. Act: only then are commands carried out. The one exception is a
// return, which was reserved by an earlier commit: it does not wait for a store that is silent.
import type { AnyMachineSnapshot } from 'xstate'

import { AdapterError, messageOf, UsageError } from '../errors.ts'
import type { OperatorEvent, RolloutEvent } from '../events/rollout-event.ts'
import type { Command, ReservedReturn } from '../machines/index.ts'
import { admit } from './admission.ts'
import { backOffMs, sleep, unlessAborted, within } from './back-off.ts'
import { type Birth, begun, nextId } from './begin.ts'
import { childSpec, overtaken } from './children.ts'
import type { Answer, ExecutorDeps } from './executor.ts'
import { Hands } from './hands.ts'
import type { Appended, Journal } from './journal.ts'
import { readLedgers } from './ledger.ts'
import { noting, parking, whileParked } from './parked.ts'
import { type Due, type Plan, plan } from './plan.ts'
import type { StoredEntry } from './ports.ts'
import { isServiceRecord, type RolloutRecord, type ServiceRecord } from './record.ts'
import { refuse } from './refusal.ts'
import { Silence } from './silence.ts'
import { type RolloutSpec, takesTraffic } from './spec.ts'
import type { StepLedger } from './view.ts'
import { viewIn } from './views.ts'
import { isTaken, RETURNED, wayBack } from './way-back.ts'

export interface ServiceDeps extends ExecutorDeps {
  readonly journal: Journal
  /** Hears of each commit, after it and before it is acted upon. Never throws. */
  readonly tell: (told: Told) => void
}

/** A commit, as listeners hear of it. */
export interface Told {
  readonly stored: StoredEntry
  readonly event: RolloutEvent
  readonly record: ServiceRecord
  /** Null where no machine was asked, and for what happened to the service itself. */
  readonly snapshot: AnyMachineSnapshot | null
}

/** What came of a step: written, written without our knowing, or not written because someone else was first. */
type Remembered = StoredEntry | 'found' | 'lost'

/** A store that has not answered for so long is silent: a return no longer waits for it. */
const SILENCE_MS = 250
const LONGEST_RETRY_MS = 1_000
/** How long a router may take to say what is in force. */
const READ_MS = 5_000

export class Service {
  readonly #deps: ServiceDeps
  readonly #silence: Silence
  readonly #hands: Hands
  /** What happened and was not yet settled, in order. */
  readonly #waiting = new Set<Due>()
  readonly #closing = new AbortController()
  #record: ServiceRecord
  #tail: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(record: ServiceRecord, deps: ServiceDeps) {
    this.#record = record
    this.#deps = deps
    this.#silence = new Silence(this)
    this.#hands = new Hands(this, { ...deps, forbids: (command) => this.#silence.forbids(command) })
  }

  record(): ServiceRecord {
    return this.#record
  }

  rollout(id: string): RolloutRecord | undefined {
    return this.#record.rollouts.find((rollout) => rollout.id === id)
  }

  /** Aborts when the service is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal
  }

  /** The snapshot of a rollout that goes on. */
  snapshot(id: string): AnyMachineSnapshot | undefined {
    return this.#hands.live(id)?.snapshot
  }

  /**
   * Starts a rollout, or joins the one that already does the same; resolves with its id once that is in the journal.
   * @throws UsageError what {@link admit} throws
   */
  start(spec: RolloutSpec): Promise<string> {
    return this.#queue(async () => {
      for (;;) {
        const admission = admit(this.#record, spec)
        if (admission.kind === 'join') return admission.rollout
        const id = nextId(this.#record)
        if (await this.#settle(this.#begun(admission.spec, { id }))) return id
      }
    })
  }

  /** What the world says; whoever tells it does not wait. */
  answer(rollout: string, { event, findings = {} }: Answer): void {
    void this.#take({ rollout, event, findings })
  }

  /**
   * What a person says.
   * @throws UsageError `ROLLOUT_UNKNOWN`, or `EVENT_REFUSED` when the state of the rollout can't take it
   */
  ask(rollout: string, event: OperatorEvent): Promise<void> {
    const find = (id: string) => ({ rollout: this.rollout(id), live: this.#hands.live(id) })
    return this.#take({ rollout, event, findings: {} }, () => refuse(find, rollout, event))
  }

  /** What happened to the service whoever it belongs to: where the instances of a version are now, say. */
  note(event: RolloutEvent): Promise<void> {
    return this.#queue(async () => {
      for (;;) {
        const next = noting(this.#record, { event, now: this.#deps.clock.now() })
        if (next === null || (await this.#settle(next))) return
      }
    })
  }

  /** An instance has ended that nobody had asked to: whoever releases its version hears of it. */
  mourn(version: string, reason: string): void {
    for (const { id, endedAt } of this.#record.rollouts) {
      if (endedAt === null) this.answer(id, { event: { type: 'version.exited', version, reason } })
    }
  }

  /** Parks a rollout: what it needs is not there. */
  park(rollout: string, reason: string): void {
    void this.#queue(async () => {
      for (;;) {
        const found = this.rollout(rollout)
        if (found === undefined || found.endedAt !== null || found.parked !== null) return
        if (await this.#settle(this.#parking(found, reason))) return
      }
    })
  }

  /** Makes the router know where the instances are now: the split and the generation stay as they are. */
  reroute(): void {
    void this.#queue(async () => this.#hands.reroute(this.#record.route))
  }

  /** Goes on where an earlier controller stopped: same alarms, same activities, unanswered commands once more. */
  resume(awayMs: number): void {
    // The controller's clock stood still while it was away: no deadline passed unobserved.
    const rollouts = this.#record.rollouts.map((rollout) => ({
      ...rollout,
      timers: rollout.timers.map(({ timer, due }) => ({ timer, due: due + awayMs })),
    }))
    this.#record = { ...this.#record, rollouts }
    const lost = overtaken(this.#record)
    for (const { id, by } of lost) this.answer(id, { event: { type: 'claim.lost', by } })
    const isLost = ({ id }: RolloutRecord) => lost.some((other) => other.id === id)
    for (const rollout of rollouts) {
      if (rollout.endedAt !== null || !this.#hands.restore(rollout) || isLost(rollout)) continue
      this.#goOn(rollout)
      void this.#lookBack(rollout)
    }
  }

  /** Ends once what is being written is written, unless the store is silent. */
  async close(): Promise<void> {
    this.#hands.close()
    this.#isClosed = true
    const patience = new AbortController()
    if (!this.#silence.isOn) {
      await Promise.race([this.#tail, sleep(this.#deps.clock, SILENCE_MS, patience.signal)])
      patience.abort()
    }
    this.#closing.abort(closed())
    await this.#tail
  }

  async startChild(parent: string, { params }: Extract<Command, { type: 'startChild' }>): Promise<void> {
    const { slot, run } = params
    const id = `${parent}/${slot}/${run}`
    await this.#queue(async () => {
      for (;;) {
        const [rollout, known] = [this.rollout(parent), this.rollout(id)]
        if (rollout === undefined || rollout.endedAt !== null) return
        if (known !== undefined) return this.#tellParent(known)
        const spec = childSpec(rollout.spec, slot, this.#record)
        if (await this.#settle(this.#begun(spec, { id, parent: { id: parent, slot, run } }))) return
      }
    })
  }

  /** Passes an event down: that it was is part of the very commit it leads to, so a repeat finds nothing left to do. */
  async tellChild(parent: string, command: Extract<Command, { type: 'tellChild' }>): Promise<void> {
    const { slot, run, event } = command.params
    const findings = { passedDown: { parent, command } }
    await this.#take({ rollout: `${parent}/${slot}/${run}`, event, findings })
  }

  /** The ledgers of a rollout's changes of traffic, read now; null for a rollout that makes none. */
  async ledgers(id: string): Promise<readonly StepLedger[] | null> {
    const rollout = this.rollout(id)
    if (rollout === undefined || !takesTraffic(rollout.strategy)) return null
    const { adapters, clock, logs } = this.#deps
    return readLedgers({ metrics: adapters.metrics, clock, log: logs.of(id) }, this.#record, rollout)
  }

  /** What an event would lead to; null for nothing. What throws is parked. */
  think({ rollout: id, event, findings }: Due): Plan | null {
    const [rollout, live] = [this.rollout(id), this.#hands.live(id)]
    if (rollout === undefined || rollout.endedAt !== null) return null
    const now = this.#deps.clock.now()
    try {
      if (rollout.parked !== null) return whileParked(this.#record, rollout, { event, now })
      if (live === undefined) return null
      return plan(this.#record, rollout, { live, occurrence: { event, findings, now } })
    } catch (error) {
      this.#deps.logs.of(id).error({ event: event.type, reason: messageOf(error) }, 'a step threw')
      return rollout.parked === null ? this.#parking(rollout, messageOf(error)) : null
    }
  }

  /** The return that the last commit reserved: the one thing that is ever done before it is journalled. */
  returnNow(rollout: string, way: ReservedReturn): void {
    const { generation } = way
    this.#deps.logs.of(rollout).error({ generation }, 'the store is silent: traffic is taken back')
    this.#hands.perform(rollout, { type: 'shiftTraffic', params: way })
  }

  #take(due: Due, check = () => {}): Promise<void> {
    this.#waiting.add(due)
    this.#silence.hear(due)
    return this.#queue(async () => {
      // What was urgent is settled already.
      if (this.#waiting.delete(due)) await this.#happen(due, check)
    })
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(() => {
      if (this.#isClosed) throw closed()
      return work()
    })
    this.#tail = done.catch((error: unknown) => {
      if (!(error instanceof UsageError))
        this.#deps.log.error({ reason: messageOf(error) }, 'an event could not be settled')
    })
    return done
  }

  async #happen(due: Due, check = () => {}): Promise<void> {
    for (;;) {
      check()
      const next = this.think(due)
      if (next === null) return
      const isSettled = await this.#settle(next, due)
      // The event that broke the machine may ask for the way back.
      if (isSettled && next.event.type !== 'rollout.parked') return
    }
  }

  /** Remember, tell, act. False when someone else had written: then it has to be thought through again. */
  async #settle(next: Plan, due: Due | null = null): Promise<boolean> {
    const remembered = await this.#remember(next, due)
    if (remembered === 'lost') return false
    if (remembered !== 'found') {
      const { rollout, snapshot, event, record } = next
      this.#record = record
      this.#deps.tell({ stored: remembered, event, record, snapshot })
      this.#hands.act(next)
      if (rollout !== null && rollout.endedAt !== null) this.#tellParent(rollout)
    }
    if (!(await this.#settleUrgent())) this.#silence.settle()
    if (next.event.type === 'rollout.requested') await this.#tellOvertaken()
    return true
  }

  async #remember(next: Plan, due: Due | null): Promise<Remembered> {
    const { journal, clock, log, logs } = this.#deps
    const { signal } = this.#closing
    const fall = () => this.#silence.fall(next, due, this.#waiting)
    for (let attempt = 0; ; attempt++) {
      const cancel = clock.after(SILENCE_MS, fall)
      const appended = await unlessAborted(journal.append(next), signal).finally(cancel)
      if (appended.kind !== 'unavailable') this.#silence.end()
      if (appended.kind === 'written') return appended.stored
      if (appended.kind === 'overtaken') {
        this.#adopt(appended)
        return appended.isOurs ? 'found' : 'lost'
      }
      const reason = messageOf(appended.error)
      const heard = next.entry.rollout === '' ? log : logs.of(next.entry.rollout)
      heard.error({ reason, attempt }, 'the store does not answer')
      fall()
      await sleep(clock, backOffMs(attempt, LONGEST_RETRY_MS), signal)
      signal.throwIfAborted()
      if (await this.#settleUrgent()) return journal.has(next.entry) ? 'found' : 'lost'
    }
  }

  /** What was urgent comes first. When its rollout was promoted meanwhile, the way back is an act of its own. */
  async #settleUrgent(): Promise<boolean> {
    const urgent = this.#silence.take()
    if (urgent === null || !this.#waiting.delete(urgent.due)) return false
    const { due, instead } = urgent
    const isPromoted = viewIn(this.#record, due.rollout)?.outcome?.status === 'promoted'
    if (isPromoted && instead !== null) await this.#settle(this.#begun(instead))
    else await this.#happen(due)
    this.#silence.settle()
    return true
  }

  /** Someone else has written: their record is the truth, and what it says is gone on with. */
  #adopt({ record, missed }: Extract<Appended, { kind: 'overtaken' }>): void {
    if (!isServiceRecord(record))
      throw new AdapterError('STORE_CORRUPT', "the service's record can't be read")
    this.#record = record
    for (const stored of missed) {
      // What stands in the journal was a RolloutEvent when it was written.
      this.#deps.tell({ stored, event: stored.event as RolloutEvent, record, snapshot: null })
    }
    this.#hands.forgetAllBut((id) => this.rollout(id)?.endedAt === null)
    for (const rollout of record.rollouts) {
      const isGoing = rollout.endedAt === null && this.#hands.restore(rollout)
      if (isGoing && rollout.parked === null) this.#hands.goOn(rollout)
    }
  }

  #begun(spec: RolloutSpec, { id = nextId(this.#record), parent = null }: Partial<Birth> = {}): Plan {
    return begun(this.#record, spec, { id, parent, now: this.#deps.clock.now() }).plan
  }

  #parking(rollout: RolloutRecord, reason: string): Plan {
    return parking(this.#record, rollout, { now: this.#deps.clock.now(), reason })
  }

  /** Whoever still thinks that the traffic is theirs hears it before anything else happens to them. */
  async #tellOvertaken(): Promise<void> {
    for (const { id, by } of overtaken(this.#record)) {
      await this.#happen({ rollout: id, event: { type: 'claim.lost', by }, findings: {} })
    }
  }

  /** Alarms, activities and commands as they stand in the record. */
  #goOn(rollout: RolloutRecord): void {
    if (rollout.parked === null) this.#hands.goOn(rollout)
    else this.answer(rollout.id, { event: { type: 'rollout.unparked' } })
  }

  /** A return that was in force before it could be journalled, when the controller died: it is gone on with. */
  async #lookBack(rollout: RolloutRecord): Promise<void> {
    const way = wayBack(this.#record, rollout)
    if (way === null || rollout.strategy === 'rollback') return
    const { adapters, clock } = this.#deps
    const { service } = this.#record
    const route = await within({ clock, ms: READ_MS }, (signal) =>
      adapters.router.read(service, { signal }),
    ).catch(() => null)
    if (route !== null && isTaken(route, way)) this.answer(rollout.id, { event: RETURNED })
  }

  #tellParent({ parent, outcome }: RolloutRecord): void {
    if (parent === null || outcome === null || outcome.status === 'stranded') return
    const { slot, run } = parent
    this.answer(parent.id, { event: { type: 'child.ended', slot, run, outcome } })
  }
}

function closed(): UsageError {
  return new UsageError('EVENT_REFUSED', 'the engine is closed')
}
