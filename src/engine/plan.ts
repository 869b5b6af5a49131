// One step, thought through before anything is done: what the record becomes, what the journal says, what is asked for.
import type { AnyMachineSnapshot } from 'xstate'

import type { RolloutEvent } from '../events/rollout-event.ts'
import { resourceOf } from '../machines/command.ts'
import type { Command, Ready, Strategy } from '../machines/index.ts'
import { pathOf } from '../machines/index.ts'
import type { JournalEntry, Listen } from './ports.ts'
import {
  type AnalysisRecord,
  answers,
  noted,
  type RolloutRecord,
  type ServiceRecord,
  type TimerRow,
  withRollout,
} from './record.ts'
import { settled } from './settle.ts'
import type { HealthChecks, StepLedger } from './view.ts'

/** A rollout in memory: its record, and the snapshot that its strategy works on. */
export interface Live {
  readonly strategy: Strategy
  readonly snapshot: AnyMachineSnapshot
}

/** What is committed beside an event, because it was learnt together with it. */
export interface Findings {
  readonly analysis?: AnalysisRecord
  readonly ledgers?: readonly StepLedger[]
  readonly healthChecks?: HealthChecks
  /** Where the router really listens, when it was asked for a free port. */
  readonly listen?: Listen
}

/** A step that is ready to be committed. */
export interface Plan {
  readonly rollout: RolloutRecord
  readonly record: ServiceRecord
  readonly event: RolloutEvent
  readonly entry: JournalEntry
  readonly snapshot: AnyMachineSnapshot
  readonly commands: readonly Command[]
}

export interface Occurrence {
  readonly event: RolloutEvent
  readonly findings: Findings
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** What `occurrence` makes of a rollout; null when it changes nothing worth remembering. Throws what the machine throws. */
export function plan(
  record: ServiceRecord,
  rollout: RolloutRecord,
  { live, occurrence }: { readonly live: Live; readonly occurrence: Occurrence },
): Plan | null {
  const { event } = occurrence
  if (isStaleTimer(rollout, event)) return null
  const ready = live.strategy.step(live.snapshot, event)
  const next = located(noted(record, event), occurrence.findings)
  if (next === record && !isChange(live.snapshot, ready)) return null
  return planned(
    next,
    { ...rollout, timers: withoutElapsed(rollout.timers, event) },
    { live, ready, occurrence },
  )
}

/** The same for a step that is already taken (a rollout's first). */
export function planned(
  record: ServiceRecord,
  rollout: RolloutRecord,
  {
    live,
    ready,
    occurrence,
  }: { readonly live: Live; readonly ready: Ready<AnyMachineSnapshot>; readonly occurrence: Occurrence },
): Plan {
  const { strategy } = live
  const { event, findings, now } = occurrence
  const outcome = strategy.outcomeOf(ready.snapshot)
  const isOver = ready.snapshot.status !== 'active'
  const told: Partial<RolloutRecord> =
    event.type === 'analysis.concluded'
      ? { verdict: event.verdict, current: event.current, baseline: event.baseline }
      : {}
  const stepped: RolloutRecord = {
    ...rollout,
    ...told,
    snapshot: strategy.machine.getPersistedSnapshot(ready.snapshot),
    timers: isOver ? [] : ready.commands.reduce(setTimers(now), rollout.timers),
    outbox: isOver ? [] : sendOut(rollout.outbox, event, ready.commands),
    analysis: findings.analysis ?? rollout.analysis,
    ledgers: findings.ledgers ?? rollout.ledgers,
    healthChecks: findings.healthChecks ?? rollout.healthChecks,
    reserved: strategy.returnOf(ready.snapshot),
    outcome,
    endedAt: isOver ? now : null,
  }
  return {
    rollout: stepped,
    record: {
      ...(isOver ? settled(withRollout(record, stepped), stepped) : withRollout(record, stepped)),
      updatedAt: now,
    },
    event,
    snapshot: ready.snapshot,
    commands: ready.commands,
    entry: {
      rollout: rollout.id,
      strategy: rollout.strategy,
      time: now,
      event,
      state: pathOf(ready.snapshot.value),
      commands: ready.commands,
    },
  }
}

/** What is committed when a machine threw: the rollout is parked where it was; its return stays reserved. */
export function parking(
  record: ServiceRecord,
  rollout: RolloutRecord,
  { live, now, reason }: { readonly live: Live; readonly now: number; readonly reason: string },
): Plan {
  const parked: RolloutRecord = { ...rollout, parked: reason }
  const event: RolloutEvent = { type: 'rollout.parked', reason }
  const { id, strategy } = rollout
  const state = pathOf(live.snapshot.value)
  return {
    rollout: parked,
    record: withRollout(record, parked),
    event,
    snapshot: live.snapshot,
    commands: [],
    entry: { rollout: id, strategy, time: now, event, state, commands: [] },
  }
}

/** Whether a plan takes traffic back: the one kind of step that does not wait for the disk. */
export function isReturn({ commands }: Plan, rollout: RolloutRecord): boolean {
  const { reserved } = rollout
  return (
    reserved !== null &&
    commands.some(
      (command) =>
        command.type === 'shiftTraffic' &&
        command.params.generation.n === reserved.generation.n &&
        JSON.stringify(command.params.split) === JSON.stringify(reserved.split),
    )
  )
}

function isChange(before: AnyMachineSnapshot, { snapshot, commands }: Ready<AnyMachineSnapshot>): boolean {
  return (
    commands.length > 0 ||
    snapshot.context !== before.context ||
    snapshot.status !== before.status ||
    pathOf(snapshot.value) !== pathOf(before.value)
  )
}

function located(record: ServiceRecord, { listen }: Findings): ServiceRecord {
  return listen === undefined || listen.port === record.listen?.port ? record : { ...record, listen }
}

const ELAPSED = /^(\w+)\.elapsed$/

function timerOf(event: RolloutEvent): string | undefined {
  return ELAPSED.exec(event.type)?.[1]
}

/** An alarm counts only while it is set: the one that rang may have been cancelled meanwhile. */
function isStaleTimer({ timers }: RolloutRecord, event: RolloutEvent): boolean {
  const name = timerOf(event)
  return name !== undefined && !timers.some(({ timer }) => timer === name)
}

function withoutElapsed(timers: readonly TimerRow[], event: RolloutEvent): readonly TimerRow[] {
  return without(timers, timerOf(event))
}

function without(timers: readonly TimerRow[], name: string | undefined): readonly TimerRow[] {
  return timers.filter(({ timer }) => timer !== name)
}

function setTimers(now: number): (rows: readonly TimerRow[], command: Command) => readonly TimerRow[] {
  return (rows, command) => {
    if (command.type === 'cancelTimer') return without(rows, command.params.timer)
    if (command.type !== 'startTimer') return rows
    const { timer, ms } = command.params
    return [...without(rows, timer), { timer, due: now + ms }]
  }
}

/** Answered commands leave the outbox; new ones enter it, and replace what was asked of the same thing before. */
function sendOut(
  outbox: readonly Command[],
  event: RolloutEvent,
  commands: readonly Command[],
): readonly Command[] {
  return commands.filter(isAwaited).reduce(
    (waiting, command) => [...waiting.filter((other) => resourceOf(other) !== resourceOf(command)), command],
    outbox.filter((command) => !answers(event, command)),
  )
}

/** Whether a command has to be repeated after a crash: alarms are rows, and a call for a person was made. */
function isAwaited({ type }: Command): boolean {
  return type !== 'startTimer' && type !== 'cancelTimer' && type !== 'page'
}
