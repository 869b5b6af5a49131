// One step, thought through before anything is done: what the record becomes, what the journal says, what is asked for.
import type { AnyMachineSnapshot } from 'xstate'

import type { Outcome } from '../events/outcome.ts'
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
  /** When the alarm that rings was due: one that was set anew meanwhile is another. */
  readonly due?: number
  /** The command that passed this event down: it is carried out by the very commit of the event. */
  readonly passedDown?: { readonly parent: string; readonly command: Command }
}

/** Something that happened, and waits for its turn. */
export interface Due {
  readonly rollout: string
  readonly event: RolloutEvent
  readonly findings: Findings
}

/** A step that is ready to be committed. */
export interface Plan {
  /** Null for what happens to the service itself. */
  readonly rollout: RolloutRecord | null
  readonly record: ServiceRecord
  readonly event: RolloutEvent
  readonly entry: JournalEntry
  /** Null where no machine was asked. */
  readonly snapshot: AnyMachineSnapshot | null
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
  const { event, findings } = occurrence
  if (isStaleTimer(rollout, event, findings)) return null
  const ready = live.strategy.step(live.snapshot, event)
  const next = carriedOut(located(noted(record, event), findings), findings)
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
    reserved: isOver ? kept(rollout, outcome) : strategy.returnOf(ready.snapshot),
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

/** The way back of a child that was released stays open: its parent may still have to take it. */
function kept({ parent, reserved }: RolloutRecord, outcome: Outcome | null): RolloutRecord['reserved'] {
  return parent !== null && outcome?.status === 'promoted' ? reserved : null
}

function isChange(before: AnyMachineSnapshot, { snapshot, commands }: Ready<AnyMachineSnapshot>): boolean {
  return (
    commands.length > 0 ||
    snapshot.context !== before.context ||
    snapshot.status !== before.status ||
    pathOf(snapshot.value) !== pathOf(before.value)
  )
}

function carriedOut(record: ServiceRecord, { passedDown }: Findings): ServiceRecord {
  const parent = record.rollouts.find(({ id }) => id === passedDown?.parent)
  if (parent === undefined || passedDown === undefined) return record
  const outbox = parent.outbox.filter((other) => JSON.stringify(other) !== JSON.stringify(passedDown.command))
  return outbox.length === parent.outbox.length ? record : withRollout(record, { ...parent, outbox })
}

function located(record: ServiceRecord, { listen }: Findings): ServiceRecord {
  return listen === undefined || listen.port === record.listen?.port ? record : { ...record, listen }
}

const ELAPSED = /^(\w+)\.elapsed$/

function timerOf(event: RolloutEvent): string | undefined {
  return ELAPSED.exec(event.type)?.[1]
}

/** An alarm counts only while it is set: the one that rang may have been cancelled, or set anew, meanwhile. */
function isStaleTimer({ timers }: RolloutRecord, event: RolloutEvent, { due }: Findings): boolean {
  const name = timerOf(event)
  return name !== undefined && !timers.some((row) => row.timer === name && row.due === (due ?? row.due))
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
