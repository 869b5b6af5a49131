// The first line of a scenario: which strategy, with what it is told. What is not said is as in `inputs.ts`.
import type { Cause } from '../events/outcome.ts'
import type { PipelineInput, SuiteTest } from '../machines/index.ts'
import { toMs, weight } from '../units.ts'
import { pipelineInput, releaseInput, rollbackInput, smokeInput, suiteTest } from './inputs.ts'
import { Line } from './scenario-words.ts'

/** What a scenario starts with. */
export interface Given {
  readonly strategy: string
  readonly input: unknown
  /** What `#3` belongs to. */
  readonly claim: number
}

const givens: Readonly<Record<string, (line: Line) => Omit<Given, 'strategy'>>> = {
  canary: release,
  'blue-green': release,
  rollback,
  smoke,
  pipeline,
}

/** Reads `canary v2 over v1 steps=5%:30s,25%:30s`. */
export function given(text: string): Given {
  const line = new Line(text)
  const strategy = line.need('which strategy')
  const read = givens[strategy]
  if (read === undefined) throw new SyntaxError(`there is no strategy '${strategy}'`)
  const start = { strategy, ...read(line) }
  line.end()
  return start
}

/** `v2 over v1`, or `v2` alone for a first release; `steps=`, `gates=manual`, `keep-stable`, `irreversible`. */
function release(line: Line): Omit<Given, 'strategy'> {
  const steps = line.field('steps')
  const input = releaseInput({
    ...(steps === undefined ? {} : { steps: steps.split(',').map((step) => stepOf(step)) }),
    gates: line.field('gates') === 'manual' ? 'manual' : 'auto',
    keepStable: line.flag('keep-stable'),
    reversible: !line.flag('irreversible'),
    ...versions(line),
  })
  return { input, claim: input.claim }
}

/** `to v1 from v2,v3`, or `to nowhere from v2`; `restore`, `cause=`, and why after `because`. */
function rollback(line: Line): Omit<Given, 'strategy'> {
  const cause = line.field('cause')
  const isFrom = line.flag('from')
  line.flag('to')
  const target = line.need('where to')
  const input = rollbackInput({
    target: target === 'nowhere' ? null : target,
    restore: line.flag('restore'),
    back: line.field('back') ?? null,
    ...(cause === undefined ? {} : { cause: cause as Cause }),
    ...(line.reason === undefined ? {} : { reason: line.reason }),
    from: isFrom ? line.need('from which versions').split(',') : [],
  })
  return { input, claim: input.claim }
}

/** Names of tests, those that are not critical with a `?`; `retries=`, `concurrency=`, `fail-fast`. */
function smoke(line: Line): Omit<Given, 'strategy'> {
  const retries = Number(line.field('retries') ?? 0)
  const concurrency = Number(line.field('concurrency') ?? 1)
  const failFast = line.flag('fail-fast')
  const tests: SuiteTest[] = []
  for (let word = line.take(/./); word !== undefined; word = line.take(/./)) {
    const severity = word.endsWith('?') ? 'non-critical' : 'critical'
    tests.push(suiteTest(word.replace('?', ''), { severity, retries }))
  }
  return { input: smokeInput({ tests, concurrency, failFast }), claim: 0 }
}

/** `canary v2 over v1`; `no-smoke`, `irreversible`. */
function pipeline(line: Line): Omit<Given, 'strategy'> {
  const input = pipelineInput({
    strategy: line.need('how it is released', /^(?:canary|blue-green)$/) as PipelineInput['strategy'],
    hasSmoke: !line.flag('no-smoke'),
    reversible: !line.flag('irreversible'),
    ...versions(line),
  })
  return { input, claim: input.claim }
}

/** `v2 over v1`, or `v2` alone where nothing was before. */
function versions(line: Line): { readonly version: string; readonly stable: string | null } {
  const isOver = line.flag('over')
  const version = line.need('which version')
  return { version, stable: isOver ? line.need('over which version') : null }
}

function stepOf(text: string) {
  const [percent = '', bake = ''] = text.split(':')
  return { weight: weight(Number(percent.replace('%', ''))), bakeMs: toMs(bake) }
}
