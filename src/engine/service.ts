// A service at work: its record, its rollouts, and the one queue through which everything that happens to them goes.
//
// The order is the contract. Remember: one commit holds the journal line and the whole new record. Tell: whoever listens
// hears of what is committed, never of anything else. Act: only then are commands carried out.
import type { AnyMachineSnapshot } from 'xstate'

import { messageOf, UsageError } from '../errors.ts'
import type { OperatorEvent, RolloutEvent } from '../events/rollout-event.ts'
import type { Command } from '../machines/command.ts'
import { pathOf, strategies } from '../machines/index.ts'
import { admit } from './admission.ts'
import { backOffMs, sleep } from './back-off.ts'
import { begun, takesTraffic } from './begin.ts'
import { childSpec, rescueSpec } from './children.ts'
import { type Answer, Executor, type ExecutorDeps } from './executor.ts'
import type { Journal } from './journal.ts'
import { readLedgers } from './ledger.ts'
import { type Findings, isReturn, type Live, parking, type Plan, plan } from './plan.ts'
import type { StoredEntry } from './ports.ts'
import {
  endpointsOf,
  isServiceRecord,
  noted,
  type RolloutRecord,
  type ServiceRecord,
  withRollout,
} from './record.ts'
import type { RolloutSpec } from './spec.ts'
import { Timers } from './timers.ts'
import type { StepLedger } from './view.ts'
import { Watchers } from './watchers.ts'

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
  /** Null for what happened to the service itself. */
  readonly rollout: RolloutRecord | null
  readonly snapshot: AnyMachineSnapshot | null
}

interface Due {
  readonly rollout: string
  readonly event: RolloutEvent
  readonly findings: Findings
}

export class Service {
  readonly #deps: ServiceDeps
  readonly #live = new Map<string, Live>()
  readonly #executor: Executor
  readonly #watchers: Watchers
  readonly #timers: Timers
  #record: ServiceRecord
  #tail: Promise<unknown> = Promise.resolve()
  #isStalled = false
  #urgent: Due | null = null
  #isClosed = false

  constructor(record: ServiceRecord, deps: ServiceDeps) {
    this.#record = record
    this.#deps = deps
    this.#executor = new Executor(this, deps)
    this.#watchers = new Watchers(this, deps)
    this.#timers = new Timers(deps.clock, (rollout, event) => this.answer(rollout, { event }))
  }

  record(): ServiceRecord {
    return this.#record
  }

  rollout(id: string): RolloutRecord | undefined {
    return this.#record.rollouts.find((rollout) => rollout.id === id)
  }

  /**
   * Starts a rollout, or joins the one that already does the same; resolves with its id once that is in the journal.
   * @throws UsageError what {@link admit} throws
   */
  start(spec: RolloutSpec): Promise<string> {
    return this.#queue(async () => {
      const admission = admit(this.#record, spec)
      return admission.kind === 'join' ? admission.rollout : this.#begin(admission.spec, null)
    })
  }

  /** What the world says; whoever tells it does not wait. */
  answer(rollout: string, { event, findings = {} }: Answer): void {
    const due = { rollout, event, findings }
    if (this.#isStalled) this.#rescue(due)
    void this.#queue(() => this.#happen(due))
  }

  /**
   * What a person says.
   * @throws UsageError `ROLLOUT_UNKNOWN`, or `EVENT_REFUSED` when the state of the rollout can't take it
   */
  ask(rollout: string, event: OperatorEvent): Promise<void> {
    const due = { rollout, event, findings: {} }
    if (this.#isStalled) this.#rescue(due)
    return this.#queue(async () => {
      this.#refuse(rollout, event)
      await this.#happen(due)
    })
  }

  /** What happened to a version whoever it belongs to: where its instances are now. */
  note(event: RolloutEvent): Promise<void> {
    return this.#queue(async () => {
      const record = noted(this.#record, event)
      if (record === this.#record) return
      const entry = {
        rollout: '',
        strategy: 'service',
        time: this.#deps.clock.now(),
        event,
        state: '',
        commands: [],
      }
      const appended = await this.#deps.journal.append(entry, record)
      if (appended.kind !== 'written') throw new Error(`could not note ${event.type}: ${appended.kind}`)
      this.#record = record
      this.#deps.tell({ stored: appended.stored, event, record, rollout: null, snapshot: null })
    })
  }

  /** Makes the router know where the instances are now: the split and the generation stay as they are. */
  async reroute(signal: AbortSignal): Promise<void> {
    const { service, listen, route, versions } = this.#record
    if (listen === null || route === null) return
    const { split, generation } = route
    const backends = split.map((share) => ({ ...share, endpoints: endpointsOf(versions, share.version) }))
    await this.#deps.adapters.router.apply({ service, listen, generation, backends }, { signal })
  }

  /** Goes on where an earlier controller stopped: same alarms, same activities, unanswered commands once more. */
  resume(awayMs: number): void {
    for (const rollout of this.#record.rollouts) {
      if (rollout.endedAt !== null) this.#tellParent(rollout)
      else this.#revive(rollout, awayMs)
    }
  }

  close(): Promise<unknown> {
    this.#isClosed = true
    this.#timers.close()
    this.#watchers.close()
    this.#executor.close()
    return this.#tail
  }

  async startChild(parent: string, { params }: Extract<Command, { type: 'startChild' }>): Promise<void> {
    const id = `${parent}/${params.slot}/${params.run}`
    const known = this.rollout(id)
    const rollout = this.rollout(parent)
    if (known !== undefined) return this.#tellParent(known)
    if (rollout === undefined) return
    const { slot, run } = params
    await this.#queue(() =>
      this.#begin(childSpec(rollout.spec, slot, this.#record), { id: parent, slot, run }),
    )
  }

  async tellChild(parent: string, { params }: Extract<Command, { type: 'tellChild' }>): Promise<void> {
    await this.ask(`${parent}/${params.slot}/${params.run}`, params.event)
  }

  /** The ledgers of a rollout's changes of traffic, read now; null for a rollout that makes none. */
  async ledgers(id: string): Promise<readonly StepLedger[] | null> {
    const rollout = this.rollout(id)
    if (rollout === undefined || !takesTraffic(rollout.strategy)) return null
    const { adapters, log } = this.#deps
    return readLedgers({ metrics: adapters.metrics, log }, { service: this.#record.service, rollout })
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(() => {
      if (this.#isClosed) throw new UsageError('EVENT_REFUSED', 'the engine is closed')
      return work()
    })
    this.#tail = done.catch((error: unknown) => {
      if (!(error instanceof UsageError))
        this.#deps.log.error({ reason: messageOf(error) }, 'an event could not be settled')
    })
    return done
  }

  async #begin(spec: RolloutSpec, parent: RolloutRecord['parent']): Promise<string> {
    const id =
      parent === null
        ? `${spec.service}-${this.#record.counter + 1}`
        : `${parent.id}/${parent.slot}/${parent.run}`
    const { plan: first, live } = begun(this.#record, spec, { id, parent, now: this.#deps.clock.now() })
    if (!(await this.#settle(first, live))) return this.#begin(spec, parent)
    for (const { id: other } of this.#overtaken(first.rollout))
      this.answer(other, { event: { type: 'claim.lost', by: id } })
    return id
  }

  /** Whoever still thinks that the traffic is theirs. */
  #overtaken({ id, strategy }: RolloutRecord): readonly RolloutRecord[] {
    if (!takesTraffic(strategy)) return []
    return this.#record.rollouts.filter(
      (other) =>
        other.id !== id &&
        other.endedAt === null &&
        takesTraffic(other.strategy) &&
        !id.startsWith(`${other.id}/`) &&
        !other.id.startsWith(`${id}/`),
    )
  }

  async #happen(due: Due): Promise<void> {
    const rollout = this.rollout(due.rollout)
    const live = this.#live.get(due.rollout)
    if (rollout === undefined || live === undefined || rollout.endedAt !== null) return
    if (rollout.parked !== null) return this.#happenParked(rollout, due.event)
    const next = this.#plan(rollout, live, due)
    if (next !== null && !(await this.#settle(next, live))) await this.#happen(due)
  }

  #plan(rollout: RolloutRecord, live: Live, { event, findings }: Due): Plan | null {
    const now = this.#deps.clock.now()
    try {
      return plan(this.#record, rollout, { live, occurrence: { event, findings, now } })
    } catch (error) {
      this.#deps.log.error(
        { rollout: rollout.id, event: event.type, reason: messageOf(error) },
        'a step threw: parked',
      )
      return parking(this.#record, rollout, { live, now, reason: messageOf(error) })
    }
  }

  /** Remember, tell, act. False when someone else had written: then it has to be thought through again. */
  async #settle(next: Plan, live: Live): Promise<boolean> {
    const stored = await this.#remember(next)
    if (stored === null) return false
    const { rollout, snapshot } = next
    this.#record = next.record
    this.#live.set(rollout.id, { ...live, snapshot })
    this.#deps.tell({ stored, event: next.event, record: next.record, rollout, snapshot })
    this.#act(next, live)
    return true
  }

  #act({ rollout, snapshot, commands }: Plan, { strategy }: Live): void {
    const isOver = rollout.endedAt !== null
    this.#timers.follow(rollout)
    this.#watchers.follow(rollout.id, isOver ? [] : strategy.activitiesOf(snapshot))
    if (isOver) this.#executor.drop(rollout.id)
    for (const command of commands) this.#executor.perform(rollout.id, command)
    if (!isOver) return
    this.#live.delete(rollout.id)
    this.#tellParent(rollout)
  }

  async #remember(next: Plan): Promise<StoredEntry | null> {
    const before = this.rollout(next.rollout.id)
    const isGoingBack = before !== undefined && isReturn(next, before)
    try {
      for (let attempt = 0; !this.#isClosed; attempt++) {
        const appended = await this.#deps.journal.append(next.entry, next.record)
        if (appended.kind === 'written') return appended.stored
        if (appended.kind === 'conflict') return await this.#reload()
        this.#deps.log.error(
          { rollout: next.rollout.id, reason: appended.error.message, attempt },
          'the store does not answer',
        )
        this.#isStalled = true
        if (isGoingBack && attempt === 0) this.#returnNow(before)
        await sleep(this.#deps.clock, backOffMs(attempt, 1_000))
        const urgent = this.#urgent
        if (urgent === null || isGoingBack) continue
        this.#urgent = null
        await this.#happen(urgent)
        return null
      }
      throw new UsageError('EVENT_REFUSED', 'the engine is closed')
    } finally {
      this.#isStalled = false
    }
  }

  /** While the store is silent: a step that would take traffic back does not wait for it. */
  #rescue(due: Due): void {
    const rollout = this.rollout(due.rollout)
    const live = this.#live.get(due.rollout)
    if (this.#urgent !== null || rollout === undefined || live === undefined || rollout.parked !== null)
      return
    const next = this.#plan(rollout, live, due)
    if (next === null || !isReturn(next, rollout)) return
    this.#urgent = due
    this.#returnNow(rollout)
  }

  /** The return that the last commit reserved: the one thing that is ever done before it is journalled. */
  #returnNow({ id, reserved }: RolloutRecord): void {
    if (reserved !== null) this.#executor.perform(id, { type: 'shiftTraffic', params: reserved })
  }

  async #reload(): Promise<null> {
    const record = await this.#deps.journal.reload()
    if (isServiceRecord(record)) this.#record = record
    for (const rollout of this.#record.rollouts) if (rollout.endedAt === null) this.#restore(rollout)
    return null
  }

  #restore(rollout: RolloutRecord): Live {
    const strategy = strategies[rollout.strategy]
    const live = { strategy, snapshot: strategy.restore(rollout.snapshot) }
    this.#live.set(rollout.id, live)
    return live
  }

  #revive(rollout: RolloutRecord, awayMs: number): void {
    const { strategy, snapshot } = this.#restore(rollout)
    // The controller's clock stood still while it was away: no deadline passed unobserved.
    const timers = rollout.timers.map(({ timer, due }) => ({ timer, due: due + awayMs }))
    this.#record = withRollout(this.#record, { ...rollout, timers })
    this.#timers.follow({ id: rollout.id, timers })
    this.#watchers.follow(rollout.id, strategy.activitiesOf(snapshot))
    for (const command of rollout.outbox) this.#executor.perform(rollout.id, command)
  }

  #tellParent({ parent, outcome }: RolloutRecord): void {
    if (parent === null || outcome === null || outcome.status === 'stranded') return
    const { slot, run } = parent
    this.answer(parent.id, { event: { type: 'child.ended', slot, run, outcome } })
  }

  #refuse(id: string, event: OperatorEvent): void {
    const live = this.#live.get(id)
    const rollout = this.rollout(id)
    if (live === undefined || rollout === undefined) {
      throw new UsageError('ROLLOUT_UNKNOWN', `no rollout ${id} is going on`, {
        hint: '`sluice list` shows which are',
      })
    }
    if (rollout.parked !== null && event.type === 'abort.requested') return
    if (rollout.parked !== null || !live.snapshot.can(event)) {
      const [asked = ''] = event.type.split('.')
      const state = rollout.parked === null ? pathOf(live.snapshot.value) : `parked (${rollout.parked})`
      throw new UsageError('EVENT_REFUSED', `${id} can't take '${asked}' now: it is ${state}`)
    }
  }

  /** A rollout whose machine broke can still be taken back: by a rollback, which is an act of its own. */
  async #happenParked(rollout: RolloutRecord, event: RolloutEvent): Promise<void> {
    const spec = rescueSpec(rollout, event)
    if (spec !== null) await this.#begin(spec, null)
  }
}
