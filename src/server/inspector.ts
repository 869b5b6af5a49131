// Lets rollouts be looked at in the Stately inspector. Its own server listens everywhere and forgets the machines of those
// who come late; this one speaks through the server that is there, and remembers every machine with where it is.
import type { createInspector, StatelyInspectionEvent } from '@statelyai/inspect'

import type { RolloutInspector } from '../engine/inspector.ts'
import { UsageError } from '../errors.ts'
import { type EventStream, frameOf } from './event-stream.ts'
import { shownContext, shownEvent } from './redact.ts'

/** Watches rollouts for the Stately inspector: give it to an engine, and to the server of that engine. */
export interface StatelyInspector extends RolloutInspector {
  /** The page that is opened when somebody asks for Stately's own. */
  readonly ui: string
  /** Sends every rollout with its machine and where it is, then what happens to them. */
  show(stream: EventStream): void
}

export interface StatelyInspectorOptions {
  /** An https page that speaks the inspector's protocol. @defaultValue 'https://stately.ai/inspect' */
  readonly ui?: string
}

type Machine = Parameters<RolloutInspector['started']>[0]['machine']
type Snapshot = Parameters<RolloutInspector['started']>[0]['snapshot']
type Inspector = ReturnType<typeof createInspector>
type Inspection = Parameters<NonNullable<Inspector['inspect']['next']>>[0]

/** What the inspector is told of a rollout: as much of a live actor as it looks at, and nothing that must not leave. */
interface StandIn {
  readonly id: string
  readonly sessionId: string
  readonly logic: { readonly config: object }
  readonly _parent: { readonly sessionId: string } | undefined
  getSnapshot(): object
}

/** What somebody who comes late has to be told first. */
interface Kept {
  readonly actor: StatelyInspectionEvent
  readonly snapshot: StatelyInspectionEvent | null
}

/** Ended rollouts that can still be looked at. */
const MOST_ENDED = 20
/** Machines are deeper than the inspector expects; what is deeper than this is cut off. */
const DEEPEST = 40

/**
 * Loads `@statelyai/inspect` and makes an inspector of it. Only what is known to be harmless is shown of a rollout: the
 * machine, its state, its events, and parts of its context. It costs several times a step: for looking, not for always.
 * @throws UsageError `UNBOUND_NAME` when `@statelyai/inspect` is not installed, `ARGUMENT_INVALID` for a `ui` without https
 */
export async function statelyInspector(options: StatelyInspectorOptions = {}): Promise<StatelyInspector> {
  const { ui = 'https://stately.ai/inspect' } = options
  if (URL.parse(ui)?.protocol !== 'https:') {
    throw new UsageError('ARGUMENT_INVALID', 'ui: expected the https URL of an inspector')
  }
  const inspect = await loadInspect()
  const relay = new Relay()
  const inspector = inspect.createInspector(relay, { serializationDepthLimit: DEEPEST })
  return new Watcher(ui, inspector, relay)
}

async function loadInspect() {
  try {
    return await import('@statelyai/inspect')
  } catch (cause) {
    throw new UsageError('UNBOUND_NAME', '@statelyai/inspect is not installed', {
      cause,
      hint: 'Run: npm install @statelyai/inspect',
    })
  }
}

class Watcher implements StatelyInspector {
  readonly ui: string
  readonly #inspector: Inspector
  readonly #relay: Relay
  readonly #actors = new Map<string, StandIn>()

  constructor(ui: string, inspector: Inspector, relay: Relay) {
    this.ui = ui
    this.#inspector = inspector
    this.#relay = relay
  }

  started({ id, parent, machine, snapshot }: Parameters<RolloutInspector['started']>[0]): void {
    this.#begin({ id, parent, machine, snapshot })
  }

  stepped({ id, event, snapshot }: Parameters<RolloutInspector['stepped']>[0]): void {
    // One that goes on after a restart is seen first when something happens to it.
    const known = this.#actors.get(id)
    const actor = known ?? this.#begin({ id, parent: parentOf(id), machine: snapshot.machine, snapshot })
    const about = { actorRef: actor, rootId: rootOf(id), event: shownEvent(event) }
    this.#tell({ ...about, type: '@xstate.event', sourceRef: undefined })
    this.#tell({ ...about, type: '@xstate.snapshot', snapshot: shownSnapshot(snapshot) })
  }

  ended(id: string): void {
    this.#actors.delete(id)
    // The inspector passes on what it was told in a timer of its own; this one comes after those.
    setTimeout(() => this.#relay.over(id), 0).unref()
  }

  show(stream: EventStream): void {
    this.#relay.show(stream)
  }

  #begin({ id, parent, machine, snapshot }: Parameters<RolloutInspector['started']>[0]): StandIn {
    const now = shownSnapshot(snapshot)
    const actor: StandIn = {
      id: `${id} (${machine.id})`,
      sessionId: id,
      logic: { config: shownConfig(machine) },
      _parent: parent === null ? undefined : { sessionId: parent },
      getSnapshot: () => now,
    }
    this.#actors.set(id, actor)
    this.#tell({ type: '@xstate.actor', actorRef: actor, rootId: rootOf(id) })
    return actor
  }

  /** The inspector wants live actors, and looks at no more of them than a stand-in has. */
  #tell(inspection: {
    readonly type: string
    readonly actorRef: StandIn
    readonly [key: string]: unknown
  }): void {
    this.#inspector.inspect.next?.(inspection as unknown as Inspection)
  }
}

/** What the inspector says, kept for those who come late and passed on to those who are there. */
class Relay {
  readonly #kept = new Map<string, Kept>()
  /** Oldest first. */
  readonly #ended: string[] = []
  /** Each viewer with the rollouts it knows the machine of. */
  readonly #viewers = new Map<EventStream, Set<string>>()

  send(message: StatelyInspectionEvent): void {
    const { sessionId: id } = message
    const kept = this.#kept.get(id)
    if (message.type === '@xstate.actor') this.#kept.set(id, { actor: message, snapshot: null })
    else if (kept !== undefined && message.type === '@xstate.snapshot') {
      this.#kept.set(id, { ...kept, snapshot: message })
    }
    const frame = messageFrame(message)
    for (const [viewer, known] of this.#viewers) {
      if (message.type === '@xstate.actor') known.add(id)
      if (known.has(id)) pass(viewer, frame)
    }
  }

  over(id: string): void {
    this.#ended.push(id)
    const oldest = this.#ended.length > MOST_ENDED ? this.#ended.shift() : undefined
    if (oldest !== undefined) this.#kept.delete(oldest)
  }

  show(stream: EventStream): void {
    if (stream.signal.aborted) return
    const known = new Set<string>()
    this.#viewers.set(stream, known)
    stream.signal.addEventListener('abort', () => this.#viewers.delete(stream))
    void this.#catchUp(stream, known)
  }

  /** As fast as the viewer takes it; a rollout that moves on meanwhile is shown as it is when its turn comes. */
  async #catchUp(stream: EventStream, known: Set<string>): Promise<void> {
    for (const [id, kept] of this.#kept) {
      if (known.has(id)) continue
      if (stream.signal.aborted) return
      known.add(id)
      stream.write(messageFrame(kept.actor))
      if (kept.snapshot !== null) stream.write(messageFrame(kept.snapshot))
      await stream.drained()
    }
  }
}

function pass(viewer: EventStream, frame: string): void {
  viewer.write(frame)
  if (viewer.isTooSlow(0)) viewer.end(frameOf({ event: 'lagged', data: { type: 'lagged' } }))
}

function messageFrame(message: StatelyInspectionEvent): string {
  return frameOf({ data: message })
}

function shownSnapshot({ status, value, context }: Snapshot): object {
  return { status, value, context: shownContext(context), children: {}, historyValue: {} }
}

/** A machine's definition as it was written, without what its context begins with. */
function shownConfig({ config }: Machine): object {
  return Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'context'))
}

/** Ids of children are `parent/slot/run`. */
function parentOf(id: string): string | null {
  const parent = id.split('/').slice(0, -2).join('/')
  return parent === '' ? null : parent
}

function rootOf(id: string): string {
  return id.split('/', 1)[0] ?? id
}
