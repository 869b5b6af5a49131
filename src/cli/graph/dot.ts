// A machine in the language of Graphviz.
import { flat, type Graph, type GraphState, type GraphTransition } from './model.ts'

/**
 * Prints a machine for `dot`. Nested states are clusters; what holds in any state, or in any of a cluster, leaves from a box
 * that says so; what is done without leaving a state is a dashed loop.
 */
export function toDot({ strategy, initial, states, transitions }: Graph): string {
  const byId = new Map(flat(states).map((state) => [state.id, state]))
  const sources = new Set(transitions.map(({ from }) => from))
  const lines = [
    `digraph ${quoted(strategy)} {`,
    '  compound=true; rankdir=TB; fontname="sans-serif";',
    '  node [shape=box, style=rounded, fontname="sans-serif"]; edge [fontname="sans-serif", fontsize=10];',
    '  "(start)" [shape=point];',
    ...(sources.has('') ? [`  ${anyNode('', 'any state')}`] : []),
    ...states.flatMap((state) => stateLines(state, sources, '  ')),
    ...(initial === null ? [] : [`  "(start)" -> ${quoted(leafOf(initial, byId))};`]),
    ...transitions.map((transition) => `  ${edge(transition, byId)};`),
    '}',
  ]
  return `${lines.join('\n')}\n`
}

function stateLines(state: GraphState, sources: ReadonlySet<string>, indent: string): readonly string[] {
  const { id, name, kind, description, states } = state
  const tooltip = description === null ? [] : [`tooltip=${quoted(description)}`]
  if (states.length === 0) {
    const attributes = [`label=${quoted(name)}`, ...(kind === 'final' ? ['peripheries=2'] : []), ...tooltip]
    return [`${indent}${quoted(id)} [${attributes.join(', ')}];`]
  }
  return [
    `${indent}subgraph ${quoted(clusterOf(id))} {`,
    `${indent}  ${[`label=${quoted(name)}`, ...tooltip].join('; ')};`,
    ...(sources.has(id) ? [`${indent}  ${anyNode(id, 'any of these')}`] : []),
    ...states.flatMap((child) => stateLines(child, sources, `${indent}  `)),
    `${indent}}`,
  ]
}

type States = ReadonlyMap<string, GraphState>

function edge({ kind, from, to, event, guard, description }: GraphTransition, states: States): string {
  const label = guard === null ? event : `${event} [${guard}]`
  const attributes = [
    `label=${quoted(kind === 'ignores' ? `${label} (ignored)` : label)}`,
    ...(description === null ? [] : [`tooltip=${quoted(description)}`]),
    ...(kind === 'moves' ? [] : ['style=dashed']),
    ...(to !== null && isCluster(to, states) ? [`lhead=${quoted(clusterOf(to))}`] : []),
  ]
  const tail = from === '' || isCluster(from, states) ? anyOf(from) : from
  return `${quoted(tail)} -> ${quoted(to === null ? tail : leafOf(to, states))} [${attributes.join(', ')}]`
}

function isCluster(id: string, states: States): boolean {
  return (states.get(id)?.states.length ?? 0) > 0
}

/** Graphviz draws from node to node, and cuts the line at a cluster's border. */
function leafOf(id: string, states: States): string {
  const state = states.get(id)
  const inner = state?.initial ?? state?.states[0]?.id
  return inner === undefined ? id : leafOf(inner, states)
}

function anyNode(id: string, label: string): string {
  return `${quoted(anyOf(id))} [label=${quoted(label)}, style="rounded,dashed"];`
}

function anyOf(id: string): string {
  return `${id} (any)`
}

function clusterOf(id: string): string {
  return `cluster ${id}`
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
