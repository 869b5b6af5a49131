import { distance } from 'fastest-levenshtein'

import { UsageError } from '../../errors.ts'
import { strategies } from '../../machines/index.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { toDot } from '../graph/dot.ts'
import { toMermaid } from '../graph/mermaid.ts'
import { graphOf } from '../graph/model.ts'

export type GraphFormat = 'mermaid' | 'dot' | 'json'

/** Prints the machine of a strategy as a diagram. */
export function graph(strategy: string, format: GraphFormat): ExitCode {
  const diagram = graphOf(known(strategy).machine)
  process.stdout.write(printed())
  return EXIT.ok

  function printed(): string {
    switch (format) {
      case 'mermaid':
        return toMermaid(diagram)
      case 'dot':
        return toDot(diagram)
      case 'json':
        return `${JSON.stringify(diagram, null, 2)}\n`
    }
  }
}

function known(name: string) {
  const names = Object.keys(strategies)
  const found = Object.entries(strategies).find(([strategy]) => strategy === name)
  if (found !== undefined) return found[1]
  const [nearest = ''] = names.toSorted((a, b) => distance(a, name) - distance(b, name))
  const meant = distance(nearest, name) <= 3 ? `did you mean ${nearest}? ` : ''
  throw new UsageError('ARGUMENT_INVALID', `no strategy is called ${name.slice(0, 60)}`, {
    hint: `${meant}There are ${names.join(', ')}`,
  })
}
