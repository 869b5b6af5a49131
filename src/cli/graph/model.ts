// A machine as a diagram: read off its own definition, so that it can't say anything else than the machine does.
import type { Strategy } from '../../machines/index.ts'

type Machine = Strategy['machine']
type Node = Machine['root']
type Definition = ReturnType<Node['transitions']['values']> extends Iterable<readonly (infer T)[]> ? T : never

/** A state, by its path: `rolling-back.returning`. */
export interface GraphState {
  readonly id: string
  /** Its own name, the last part of the path. */
  readonly name: string
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final'
  readonly description: string | null
  /** The path of the state it begins with; null without states inside. */
  readonly initial: string | null
  readonly states: readonly GraphState[]
}

/**
 * An arrow of the diagram. `moves` leads to another state, `acts` only does something, `ignores` forbids what an outer state
 * would do.
 */
export interface GraphTransition {
  readonly kind: 'moves' | 'acts' | 'ignores'
  /** The path of the state it leaves; empty for the machine itself: from any state. */
  readonly from: string
  /** The path of the state it leads to; null where it leads nowhere. */
  readonly to: string | null
  readonly event: string
  readonly guard: string | null
  readonly actions: readonly string[]
  readonly description: string | null
}

/** A machine as data: what `sluice graph --format json` prints. */
export interface Graph {
  readonly strategy: string
  readonly description: string | null
  readonly initial: string | null
  readonly states: readonly GraphState[]
  readonly transitions: readonly GraphTransition[]
}

/** Reads the diagram of a machine. */
export function graphOf({ root, id }: Machine): Graph {
  const { description, initial, states } = stateOf(root)
  return { strategy: id, description, initial, states, transitions: transitionsIn(root) }
}

/** All states, outer ones before those inside. */
export function flat(states: readonly GraphState[]): readonly GraphState[] {
  return states.flatMap((state) => [state, ...flat(state.states)])
}

function stateOf(node: Node): GraphState {
  return {
    id: pathOf(node),
    name: node.key,
    kind: kindOf(node),
    description: node.description ?? null,
    initial: kindOf(node) === 'compound' ? (pathsOf(node.initial.target)[0] ?? null) : null,
    states: childrenOf(node).map((child) => stateOf(child)),
  }
}

function kindOf({ type, path }: Node): GraphState['kind'] {
  if (type !== 'history') return type
  throw new TypeError(`${path.join('.')} is a history state: machines remember no places`)
}

function transitionsIn(node: Node): readonly GraphTransition[] {
  const own = [...node.transitions.values()].flat().map((definition) => transitionOf(definition))
  return [...own, ...childrenOf(node).flatMap((child) => transitionsIn(child))]
}

function transitionOf(definition: Definition): GraphTransition {
  const { source, target, eventType, guard, actions, description } = definition
  const to = pathsOf(target)[0] ?? null
  return {
    kind: to !== null ? 'moves' : actions.length > 0 ? 'acts' : 'ignores',
    from: pathOf(source),
    to,
    event: eventType,
    guard: guard === undefined ? null : wordOf(guard),
    actions: actions.map((action) => wordOf(action)),
    description: description ?? null,
  }
}

function childrenOf({ states }: Node): readonly Node[] {
  return Object.values(states)
}

function pathsOf(nodes: readonly Node[] | undefined): readonly string[] {
  return (nodes ?? []).map((node) => pathOf(node))
}

function pathOf({ path }: Node): string {
  return path.join('.')
}

/** Guards and actions of our machines have names: as text, or as `{ type, params }`. */
function wordOf(named: unknown): string {
  if (typeof named === 'string') return named
  if (typeof named === 'object' && named !== null && 'type' in named) return String(named.type)
  throw new TypeError('a guard or action of a machine has no name')
}
