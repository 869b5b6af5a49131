// Rules about several values at once. They are looked at whatever else is wrong, so that one look names every problem: what
// they are given may be anything, and what is malformed in itself is said elsewhere.
import type { z } from 'zod'

import { STANDARD } from '../options.ts'
import { address, formatMs, toMs } from '../units.ts'
import { oneOf } from './leaves.ts'
import type { Path } from './problem.ts'
import { secretFault } from './secrets.ts'
import { readSteps, stepFaults } from './steps.ts'

type Context = z.core.$RefinementCtx
type Data = Readonly<Record<string, unknown>>

/** An issue that is not said beside an unknown key which was probably meant to be one of `needs`. */
interface Issue {
  readonly message: string
  readonly path?: Path
  readonly needs?: readonly string[]
}

export function limitRules(limits: unknown, context: Context): void {
  needOne(limits, context, ['max', 'aboveBaseline'])
}

/** Values that would be secrets are references. */
export function referenceRules(values: unknown, context: Context): void {
  for (const [key, value] of Object.entries(dataOf(values))) {
    const message = typeof value === 'string' ? secretFault(key, value) : null
    if (message !== null) say(context, { message, path: [key] })
  }
}

export function latencyRules(limits: unknown, context: Context): void {
  const quantiles = ['p50', 'p90', 'p99'].filter((key) => key in dataOf(limits))
  const [, second] = quantiles
  if (second !== undefined) {
    const message = `${quantiles.join(' and ')} are ${quantiles.length} checks - write a list item for each`
    say(context, { message, path: [second] })
  }
  needOne(limits, context, ['p99', 'p90', 'p50', 'timesBaseline'])
}

export function checkRules(check: unknown, context: Context): void {
  const kinds = ['errorRate', 'latency']
  const [, second] = kinds.filter((key) => key in dataOf(check))
  if (second !== undefined)
    say(context, { message: 'a check is one question - write a list item for each', path: [second] })
  needOne(check, context, kinds)
}

export function stepPartRules(step: unknown, context: Context): void {
  needOne(step, context, ['setWeight', 'pause'])
}

/** Percentages in a row. */
export function stepRules(steps: readonly number[], context: z.core.$RefinementCtx<readonly number[]>): void {
  for (const { path, message } of stepFaults(steps.map((weight, i) => ({ weight, at: [i] })))) {
    context.addIssue({ code: 'custom', message, path: [...path] })
  }
}

/** Tests that every suite has. */
const BUILT_IN: readonly string[] = ['health', 'basic-call']

export function suiteRules(suite: unknown, context: Context): void {
  const { tests } = dataOf(suite)
  if (!Array.isArray(tests)) return
  const names = tests.map((test) => dataOf(test)['name'])
  for (const [i, name] of names.entries()) {
    const isTaken = typeof name === 'string' && (BUILT_IN.includes(name) || names.indexOf(name) < i)
    if (isTaken) say(context, { message: 'another test has this name', path: ['tests', i, 'name'] })
  }
}

export function serverRules(server: unknown, context: Context): void {
  const { listen, token } = dataOf(server)
  if (token !== undefined || (typeof listen !== 'string' && typeof listen !== 'number')) return
  const host = hostOf(listen)
  const isOpen = host !== null && !/^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/i.test(host)
  if (!isOpen) return
  const message = 'others can reach this address - say who may, with token: env:NAME'
  say(context, { message, path: ['listen'], needs: ['token'] })
}

/** What belongs together in the whole file. */
export function fileRules(file: unknown, context: Context): void {
  if (typeof file !== 'object' || file === null || Array.isArray(file)) return
  const data = dataOf(file)
  for (const issue of [
    ...strategyIssues(data),
    ...versionIssues(data),
    ...stepIssues(data),
    ...timeIssues(data),
  ]) {
    say(context, issue)
  }
}

const OWNERS = [
  ['trafficSteps', 'canary'],
  ['steps', 'canary'],
  ['validationDuration', 'canary'],
  ['monitoringDuration', 'blue-green'],
] as const

const WATCHED = { canary: 'validationDuration', 'blue-green': 'monitoringDuration' } as const

function* strategyIssues(data: Data): Generator<Issue> {
  const { strategy } = data
  if (strategy !== 'canary' && strategy !== 'blue-green') return
  for (const [key, owner] of OWNERS) {
    if (!(key in data) || owner === strategy) continue
    yield {
      message: `is of a ${owner}, and the strategy is ${strategy}: that is watched for ${WATCHED[strategy]}`,
      path: [key],
    }
  }
}

function* versionIssues(data: Data): Generator<Issue> {
  const { run, version, stableVersion } = data
  const versions = dataOf(data['versions'])
  if (version !== undefined && version === stableVersion) {
    yield { message: 'it is stableVersion, too, so there is nothing to release', path: ['version'] }
  }
  if (run !== undefined) return
  if (version === undefined) yield unrunnable('a version', [])
  for (const [key, named] of Object.entries({ version, stableVersion })) {
    if (typeof named === 'string' && !Object.hasOwn(versions, named)) yield unrunnable(named, [key])
  }
}

function unrunnable(version: string, path: Path): Issue {
  const message = `nobody says how to run ${version} - write run: { command: node server.js }`
  return { message, path, needs: ['run'] }
}

function* stepIssues({ steps, trafficSteps, validationDuration }: Data): Generator<Issue> {
  if (!Array.isArray(steps)) return
  if (trafficSteps !== undefined) {
    yield { message: 'trafficSteps says the same - keep one of the two', path: ['steps'] }
  }
  const found = readSteps(steps, validationDuration)
  if (found.kind === 'read') return
  yield* found.faults.map(({ path, message }) => ({ path: ['steps', ...path], message }))
}

/** Whoever is watched for longer than a step may take always ends up waiting for a person. */
function* timeIssues(data: Data): Generator<Issue> {
  const { strategy, progressDeadline } = data
  if (strategy !== 'canary' && strategy !== 'blue-green') return
  const { key, duration } = watchedIn(data, strategy)
  const [watchedMs, deadlineMs] = [msOf(duration), msOf(progressDeadline ?? STANDARD.progressDeadline)]
  if (watchedMs === null || deadlineMs === null || watchedMs < deadlineMs) return
  const times = `traffic is watched for ${formatMs(watchedMs)}, but ${formatMs(deadlineMs)} without a step forward`
  const message = `${times} already waits for a person - write a longer progressDeadline`
  yield { message, path: [progressDeadline === undefined ? key : 'progressDeadline'] }
}

/** How long a step is watched, and which key says so; null where that is malformed. */
function watchedIn(data: Data, strategy: keyof typeof WATCHED) {
  const key = WATCHED[strategy]
  const { steps } = data
  if (key !== 'validationDuration' || !Array.isArray(steps))
    return { key, duration: data[key] ?? STANDARD[key] }
  const found = readSteps(steps, data[key])
  return { key: 'steps', duration: found.kind === 'read' ? found.validationDuration : null }
}

/** Malformed or missing is somebody else's problem. */
function msOf(value: unknown): number | null {
  try {
    return typeof value === 'string' ? toMs(value) : null
  } catch {
    return null
  }
}

function hostOf(listen: string | number): string | null {
  try {
    return address(listen, 'listen').host
  } catch {
    return null
  }
}

function needOne(value: unknown, context: Context, needs: readonly string[]): void {
  if (typeof value !== 'object' || value === null || needs.some((key) => key in value)) return
  say(context, { message: `expected ${oneOf(needs)}`, needs })
}

function say(context: Context, { message, path = [], needs = [] }: Issue): void {
  context.addIssue({ code: 'custom', message, path: [...path], params: { needs, inside: path.length } })
}

function dataOf(value: unknown): Data {
  return typeof value === 'object' && value !== null ? (value as Data) : {}
}
