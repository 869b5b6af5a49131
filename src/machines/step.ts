// The stepper: XState's own transition function on one inert scope that is made once. `transition()` builds an actor on
// every call; this is several times as fast, and an ended snapshot stays ended (with `transition()` an abort after
// `promoted` would move traffic).
import {
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type EventObject,
  type Snapshot,
} from 'xstate'

import { collect, type Command } from './command.ts'

/** The part of a machine the stepper uses; it lets TypeScript infer snapshot, event and input. */
interface Steppable<S, E, I> {
  transition(snapshot: S, event: E, scope: AnyActorScope): S
  getInitialSnapshot(scope: AnyActorScope, input: I): S
  restoreSnapshot(snapshot: Snapshot<unknown>, scope: AnyActorScope): S
}

/** What one step leaves behind. The order is the contract: commit first, then tell, then carry out `commands`. */
export interface Ready<S> {
  readonly snapshot: S
  readonly commands: readonly Command[]
}

/** A machine as pure functions. */
export interface Stepper<S, E, I> {
  /** @throws whatever the machine's context factory throws */
  start(input: I): Ready<S>
  /** A snapshot that is no longer active is returned as it is, with no commands. */
  step(snapshot: S, event: E): Ready<S>
  /** A persisted snapshot, as JSON gave it back. */
  restore(json: unknown): S
}

/** Makes the stepper of a machine. */
export function stepper<S extends AnyMachineSnapshot, E extends EventObject, I>(
  machine: AnyStateMachine & Steppable<S, E, I>,
): Stepper<S, E, I> {
  const self = createActor(machine) // a reference only, never started
  let asked: Command[] = []
  const scope: AnyActorScope = {
    self,
    id: self.id,
    sessionId: self.sessionId,
    system: self.system,
    logger() {},
    defer() {},
    stopChild() {},
    emit() {},
    actionExecutor: (action) => collect(asked, action),
  }
  const logic: Steppable<S, E, I> = machine
  return {
    start(input) {
      asked = []
      const snapshot = logic.getInitialSnapshot(scope, input)
      if (snapshot.status === 'error') throw snapshot.error // XState answers a failing context factory with a snapshot
      return { snapshot, commands: asked }
    },
    step(snapshot, event) {
      asked = []
      if (snapshot.status !== 'active') return { snapshot, commands: asked }
      return { snapshot: logic.transition(snapshot, event, scope), commands: asked }
    },
    restore: (json) => logic.restoreSnapshot(json as Snapshot<unknown>, scope),
  }
}
