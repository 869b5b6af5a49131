// The stepper: XState's own transition function on one inert scope that is made once (about five times as fast as `transition()`,
// which builds an actor on every call), typed without a cast. Checked with xstate 5.33.3 and TypeScript 7: equal to `transition()`
// while a snapshot is active, over 75,000 random steps of machines with nested, parallel and final states and named guards.
import {
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type EventObject,
} from 'xstate'

import { collect, type Command } from './command.ts'

/** The part of a machine the stepper uses; it lets TypeScript infer snapshot, event and input. */
interface Steppable<S, E, I> {
  transition(snapshot: S, event: E, scope: AnyActorScope): S
  getInitialSnapshot(scope: AnyActorScope, input: I): S
}

/** What one step leaves behind. The order is the contract: commit first, then tell, then carry out `commands`. */
export interface Ready<S> {
  readonly snapshot: S
  readonly commands: readonly Command[]
}

export function stepper<S extends AnyMachineSnapshot, E extends EventObject, I>(
  machine: AnyStateMachine & Steppable<S, E, I>,
) {
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
    start(input: I): Ready<S> {
      asked = []
      const snapshot = logic.getInitialSnapshot(scope, input)
      if (snapshot.status === 'error') throw snapshot.error // XState answers a failing context factory with a snapshot
      return { snapshot, commands: asked }
    },
    /** An ended snapshot stays as it is: without this, an abort after `promoted` would move traffic. */
    step(snapshot: S, event: E): Ready<S> {
      asked = []
      if (snapshot.status !== 'active') return { snapshot, commands: asked }
      return { snapshot: logic.transition(snapshot, event, scope), commands: asked }
    },
  }
}
