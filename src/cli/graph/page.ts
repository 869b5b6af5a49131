// The page of a strategy in the documentation: what it is, the diagram, and what each state and event means.
import { toMermaid } from './mermaid.ts'
import { flat, type Graph, type GraphState, type GraphTransition } from './model.ts'

/** Prints the page; `scripts/docs.ts` writes it to `docs/<strategy>.md`. */
export function toPage(graph: Graph): string {
  const { strategy, description } = graph
  return (
    [
      `# ${titleOf(strategy)}`,
      '<!-- Printed from the machine by scripts/docs.ts: edit the machine, then run that. -->',
      ...(description === null ? [] : [description]),
      `The same diagram in your terminal: \`sluice graph ${strategy}\`, with \`--format dot\` or \`--format json\` for other tools.`,
      '## Diagram',
      `\`\`\`mermaid\n${toMermaid(graph)}\`\`\``,
      '## States',
      table(['State', 'Meaning'], flat(graph.states).map(stateRow)),
      '## Events',
      'What leads where. “Any state” is every state that does not say otherwise.',
      table(['In', 'Event', 'If', 'Then', 'Because'], graph.transitions.map(transitionRow)),
      '',
    ]
      .join('\n\n')
      .trimEnd() + '\n'
  )
}

function titleOf(strategy: string): string {
  return strategy.charAt(0).toUpperCase() + strategy.slice(1)
}

function stateRow({ id, kind, description }: GraphState): readonly string[] {
  return [`\`${id}\`${kind === 'final' ? ' (end)' : ''}`, description ?? '']
}

function transitionRow({ kind, from, to, event, guard, description }: GraphTransition): readonly string[] {
  const then = { moves: `\`${to}\``, acts: 'stays', ignores: 'ignored' }[kind]
  return [
    from === '' ? 'any state' : `\`${from}\``,
    `\`${event}\``,
    guard === null ? '' : `\`${guard}\``,
    then,
    description ?? '',
  ]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map(cell).join(' | ')} |`)
    .join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')
}
