// A machine as Mermaid's `stateDiagram-v2`, which GitHub and many editors draw.
import { flat, type Graph, type GraphState, type GraphTransition } from './model.ts'

const ANY = 'any_state'
/** A longer description would make the picture unreadable; the tables have it. */
const LONGEST_NOTE = 72
const INDENT = '  '

/**
 * Prints a machine as a Mermaid diagram. What holds in any state, or in any inside another, leaves from a box that says so;
 * what is done without leaving a state is a loop, and what is ignored is marked so.
 */
export function toMermaid({ strategy, initial, states, transitions }: Graph): string {
  const sources = new Set(transitions.map(({ from }) => from))
  const lines = [
    'stateDiagram-v2',
    `${INDENT}%% ${strategy}`,
    ...(initial === null ? [] : [`${INDENT}[*] --> ${idOf(initial)}`]),
    ...(sources.has('') ? [`${INDENT}state "any state" as ${ANY}`] : []),
    ...states.flatMap((state) => stateLines(state, sources, INDENT)),
    ...mergedArrows(transitions, composite(states)).map((arrow) => INDENT + arrow),
  ]
  return `${lines.join('\n')}\n`
}

function stateLines(state: GraphState, sources: ReadonlySet<string>, indent: string): readonly string[] {
  const id = idOf(state.id)
  const head = `${indent}state "${text(state.name)}" as ${id}`
  if (state.states.length === 0) {
    const end = state.kind === 'final' ? [`${indent}${id} --> [*]`] : []
    return [head, ...end, ...noteLines(state, indent)]
  }
  const inner = indent + INDENT
  return [
    `${head} {`,
    ...(state.initial === null ? [] : [`${inner}[*] --> ${idOf(state.initial)}`]),
    ...(sources.has(state.id) ? [`${inner}state "any of these" as ${id}__any`] : []),
    ...state.states.flatMap((child) => stateLines(child, sources, inner)),
    `${indent}}`,
  ]
}

function noteLines({ id, description }: GraphState, indent: string): readonly string[] {
  if (description === null || description.length > LONGEST_NOTE) return []
  return [`${indent}note right of ${idOf(id)} : ${text(description)}`]
}

/** One arrow from state to state, with a line for each event: many arrows between two states can't be read. */
function mergedArrows(
  transitions: readonly GraphTransition[],
  composites: ReadonlySet<string>,
): readonly string[] {
  const arrows = new Map<string, string[]>()
  for (const transition of transitions) {
    const { from, to } = transition
    // An arrow from a composite state into itself is more than Mermaid can place.
    const source = from === '' ? ANY : composites.has(from) ? `${idOf(from)}__any` : idOf(from)
    const ends = `${source} --> ${to === null ? source : idOf(to)}`
    arrows.set(ends, [...(arrows.get(ends) ?? []), labelOf(transition)])
  }
  return [...arrows].map(([ends, labels]) => `${ends} : ${labels.join('<br/>')}`)
}

function composite(states: readonly GraphState[]): ReadonlySet<string> {
  return new Set(flat(states).flatMap(({ id, states: inner }) => (inner.length > 0 ? [id] : [])))
}

function labelOf({ kind, event, guard }: GraphTransition): string {
  const condition = guard === null ? '' : ` [${guard}]`
  return text(`${event}${condition}${kind === 'ignores' ? ' (ignored)' : ''}`)
}

/** Mermaid's names are words; a path's parts are kept apart. */
function idOf(path: string): string {
  return path.replaceAll('.', '__').replaceAll('-', '_')
}

/** What would end a label early, or begin something else. */
function text(value: string): string {
  return value
    .replaceAll('"', "'")
    .replaceAll(':', ' –')
    .replaceAll(';', ',')
    .replaceAll('#', 'no. ')
    .replaceAll(/\s+/g, ' ')
}
