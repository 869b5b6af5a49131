import { readdir, readFile } from 'node:fs/promises'

import { describe, expect, test } from 'vitest'

import { toDot } from '../../src/cli/graph/dot.ts'
import { toMermaid } from '../../src/cli/graph/mermaid.ts'
import { flat, type Graph, graphOf, type GraphTransition } from '../../src/cli/graph/model.ts'
import { toPage } from '../../src/cli/graph/page.ts'
import { strategies } from '../../src/machines/index.ts'
import { arrowsOf } from '../../src/testing/arrows.ts'

const machines = Object.entries(strategies).map(([name, { machine }]) => ({
  name,
  machine,
  graph: graphOf(machine),
}))

describe.each(machines)('the diagram of $name', ({ name, machine, graph }) => {
  test('has every arrow of the machine', () => {
    expect(graph.transitions.map(arrow).toSorted()).toEqual(arrowsOf(machine).toSorted())
  })

  test('has every arrow in Mermaid', () => {
    expect(drawnInMermaid(toMermaid(graph)).toSorted()).toEqual(
      graph.transitions.map(mermaidArrow).toSorted(),
    )
  })

  test('has every arrow in the language of Graphviz', () => {
    expect(drawnInDot(toDot(graph)).toSorted()).toEqual(
      graph.transitions.map((each) => dotArrow(each, graph)).toSorted(),
    )
  })

  test('has every state with its description in Graphviz and on its page', () => {
    const [dot, page] = [toDot(graph), toPage(graph)]
    for (const { id, description } of flat(graph.states)) {
      expect(page).toContain(`| \`${id}\``)
      expect(description, `${id} says what it means`).toEqual(expect.any(String))
      expect(page).toContain(String(description))
      expect(dot).toContain(JSON.stringify(description))
    }
  })

  test('nests states as the machine does, and marks where it begins and ends', () => {
    const mermaid = toMermaid(graph)
    expect(mermaid).toContain(`[*] --> ${graph.initial}`)
    for (const { id, kind, initial } of flat(graph.states)) {
      if (kind === 'final') expect(mermaid).toContain(`${word(id)} --> [*]`)
      if (kind === 'compound') expect(mermaid).toContain(`as ${word(id)} {\n`)
      if (initial !== null) expect(mermaid).toContain(`[*] --> ${word(initial)}`)
    }
    expect(mermaid.split('{').length).toBe(mermaid.split('}').length)
  })

  test('names each box of Mermaid once', () => {
    const ids = [...toMermaid(graph).matchAll(/^\s*state "[^"]*" as (\w+)/gm)].map(([, id]) => id)
    expect(ids).toEqual([...new Set(ids)])
    expect(ids.length).toBeGreaterThan(flat(graph.states).length - 1)
  })

  test('is the one in docs', async () => {
    const written = await readFile(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8')
    expect(written, 'write it with: node scripts/docs.ts').toBe(toPage(graph))
  })
})

test('every strategy has a page', async () => {
  const pages = await readdir(new URL('../../docs/', import.meta.url))
  expect(pages).toEqual(expect.arrayContaining(machines.map(({ name }) => `${name}.md`)))
  expect(machines.length).toBe(5)
})

test('what a label could break out with is taken out of it', () => {
  const state = { kind: 'atomic', description: 'say: "a;b" #1', initial: null, states: [] } as const
  const graph: Graph = {
    strategy: 'odd',
    description: null,
    initial: 'a',
    states: [{ ...state, id: 'a', name: 'a "quoted": name' }],
    transitions: [
      {
        kind: 'acts',
        from: 'a',
        to: null,
        event: 'x:y',
        guard: null,
        actions: ['act'],
        description: 'say "it" \\ once',
      },
    ],
  }
  expect(toMermaid(graph)).toMatchInlineSnapshot(`
    "stateDiagram-v2
      %% odd
      [*] --> a
      state "a 'quoted' – name" as a
      note right of a : say – 'a,b' no. 1
      a --> a : x –y
    "
  `)
  expect(toDot(graph)).toContain(String.raw`tooltip="say \"it\" \\ once"`)
  expect(toPage({ ...graph, description: 'a | b' })).toContain(
    '| `a` | `x:y` |  | stays | say "it" \\ once |',
  )
})

/** As `arrowsOf` says it. */
function arrow({ from, to, event, guard, kind }: GraphTransition): string {
  const nowhere = kind === 'acts' ? '(stays)' : '(nothing)'
  return `${from || '(any state)'} --${event}${guard === null ? '' : ` [${guard}]`}--> ${to ?? nowhere}`
}

function label({ event, guard, kind }: GraphTransition): string {
  return `${event}${guard === null ? '' : ` [${guard}]`}${kind === 'ignores' ? ' (ignored)' : ''}`
}

function word(path: string): string {
  return path.replaceAll('.', '__').replaceAll('-', '_')
}

function drawnInMermaid(text: string): readonly string[] {
  return [...text.matchAll(/^\s*(\w+) --> (\w+) : (.*)$/gm)].flatMap(([, from = '', to = '', labels = '']) =>
    labels
      .split('<br/>')
      .map((each) => `${from.replace(/__any$/, '')} ${to === from ? '(itself)' : to} ${each}`),
  )
}

function mermaidArrow(transition: GraphTransition): string {
  const { from, to } = transition
  const source = from === '' ? 'any_state' : word(from)
  const target = to === null || to === from ? '(itself)' : word(to)
  return `${source} ${target} ${label(transition)}`
}

function drawnInDot(text: string): readonly string[] {
  return [
    ...text.matchAll(/^\s*"([^"]*)" -> "([^"]*)" \[label="([^"]*)".*?(?:, lhead="cluster ([^"]*)")?\];$/gm),
  ].map(
    ([, from = '', to = '', says = '', cluster]) =>
      `${from.replace(/ ?\(any\)$/, '')} ${from === to ? '(itself)' : (cluster ?? to)} ${says}`,
  )
}

function dotArrow(transition: GraphTransition, { states }: Graph): string {
  const { from, to } = transition
  const isLoop =
    to === null || (to === from && flat(states).some(({ id, kind }) => id === to && kind === 'atomic'))
  return `${from} ${isLoop ? '(itself)' : to} ${label(transition)}`
}
