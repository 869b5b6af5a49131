// What a rollout would do, before it does anything: as data for programs, and in words for people.
import type { Check } from '../analysis/checks.ts'
import type { HttpTestOptions, ProbeOptions, RunOptions, SmokeOptions } from '../options.ts'
import { STANDARD, STANDARD_CHECKS } from '../options.ts'
import { address, type Duration, formatMs, toMs } from '../units.ts'
import type { RolloutConfig } from './rollout-config.ts'
import type { OnInterrupt } from './rollout-file.ts'

/** What a rollout would do, with the defaults filled in. Durations are written as in the file. */
export interface RolloutPlan {
  readonly file: string
  readonly service: string
  readonly strategy: 'canary' | 'blue-green'
  /** Null when neither file nor caller names one. */
  readonly version: string | null
  /** What serves before the first rollout; null when the file does not say. */
  readonly stableVersion: string | null
  /** `127.0.0.1:8080`; port 0 is a free one. */
  readonly listen: string
  /** How each version is run; the values of its environment are left out. */
  readonly runs: readonly {
    readonly version: string
    readonly command: string
    readonly cwd: string
    readonly replicas: number
    readonly env: readonly string[]
  }[]
  readonly health: string
  /** The shares of traffic that the new version gets, one after the other, and how long it is watched at each. */
  readonly steps: readonly { readonly percentage: number; readonly watched: string }[]
  /** The sum of what has to be watched: it never takes less. */
  readonly shortest: string
  readonly checks: readonly string[]
  readonly limits: Readonly<Record<Limit, string>>
  readonly reversible: boolean
  /** The tests after the release; null for none. */
  readonly smoke: readonly string[] | null
  /** Where events and commands are served, and whether a token is asked for; null when they are not. */
  readonly server: { readonly listen: string; readonly token: boolean } | null
  readonly onInterrupt: OnInterrupt
}

const LIMITS = [
  'stagingTimeout',
  'shiftTimeout',
  'progressDeadline',
  'degradedTimeout',
  'returnBudget',
  'drainTimeout',
  'rollbackDrainTimeout',
  'retireAfter',
] as const

type Limit = (typeof LIMITS)[number]

/** The plan of a checked file. */
export function planOf(config: RolloutConfig): RolloutPlan {
  const { options, version = null, stable, server } = config
  const strategy =
    config.strategy === 'pipeline' ? (config.options.strategy ?? 'blue-green') : config.strategy
  const steps = stepsOf(config, strategy)
  return {
    file: config.file,
    service: options.name,
    strategy,
    version,
    stableVersion: stable?.version ?? null,
    listen: placeOf(options.listen),
    runs: runsOf(config),
    health: healthOf(options),
    steps: steps.map(({ percentage, watched }) => ({ percentage, watched: spoken(watched) })),
    shortest: formatMs(steps.reduce((sum, { watched }) => sum + toMs(watched), 0)),
    checks: (options.checks ?? STANDARD_CHECKS[strategy]).map(checkWords),
    limits: limitsOf(options),
    reversible: options.reversible !== false,
    smoke: config.strategy === 'pipeline' ? testsOf(config.options.smoke || {}) : null,
    server:
      server === undefined ? null : { listen: placeOf(server.listen), token: server.token !== undefined },
    onInterrupt: config.onInterrupt,
  }
}

/** The plan in words, one fact a line. */
export function formatPlan(plan: RolloutPlan): string {
  const { version, stableVersion, strategy, service, server, smoke, limits } = plan
  const target = version === null ? 'the version that is named when it starts' : version
  const lines: (readonly [string, string])[] = [
    ...(stableVersion === null
      ? []
      : [['stable', `${stableVersion}, unless a version has been released before`] as const]),
    ['reached at', plan.listen.replace(/^(.*):0$/, 'a free port of $1')],
    ...plan.runs.map((run) => ['runs', runWords(run)] as const),
    ['health', plan.health],
    ...plan.steps.map(
      ({ percentage, watched }, i) => [`step ${i + 1}`, `${percentage} %, watched for ${watched}`] as const,
    ),
    ['in all', `at least ${plan.shortest} of watched traffic; then everything is routed to it`],
    ...plan.checks.map((check) => ['check', check] as const),
    ...(smoke ?? []).map((test) => ['smoke test', test] as const),
    ...LIMITS.map((limit) => ['limit', `${limit} ${limits[limit]}`] as const),
    ...(plan.reversible ? [] : [['reversible', 'no: only a person who insists goes back'] as const]),
    ...(server === null
      ? []
      : [['server', `${server.listen}, ${server.token ? 'with a token' : 'without a token'}`] as const]),
    ['Ctrl-C', INTERRUPTS[plan.onInterrupt]],
  ]
  const width = Math.max(...lines.map(([name]) => name.length))
  const body = lines.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`)
  return [`${plan.file} is valid: a ${strategy} release of ${service} to ${target}`, ...body].join('\n')
}

const INTERRUPTS: Readonly<Record<OnInterrupt, string>> = {
  rollback: 'takes it back',
  detach: 'leaves it to go on by itself',
  hold: 'freezes it where it is',
}

interface Step {
  readonly percentage: number
  readonly watched: Duration
}

function stepsOf({ options }: RolloutConfig, strategy: RolloutPlan['strategy']): readonly Step[] {
  if (strategy === 'blue-green') {
    const { monitoringDuration = STANDARD.monitoringDuration } = options as { monitoringDuration?: Duration }
    return [{ percentage: 100, watched: monitoringDuration }]
  }
  const { trafficSteps = STANDARD.trafficSteps, validationDuration = STANDARD.validationDuration } =
    options as {
      trafficSteps?: readonly number[]
      validationDuration?: Duration
    }
  return watchedSteps(trafficSteps).map((percentage) => ({ percentage, watched: validationDuration }))
}

/** At 100 % nothing would be left to compare with: instead of it, the canary is watched at 95 %. */
function watchedSteps(trafficSteps: readonly number[]): readonly number[] {
  const below = trafficSteps.filter((step) => step < 100)
  const isHeldBack = below.length < trafficSteps.length && (below.at(-1) ?? 0) < HOLD_BACK
  return isHeldBack ? [...below, HOLD_BACK] : below
}

const HOLD_BACK = 95

function placeOf(listen: number | string = 0): string {
  const { host, port } = address(listen, 'listen')
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function runsOf({ stable, version = '{version}', options: { run } }: RolloutConfig): RolloutPlan['runs'] {
  const runs = [...(stable === undefined ? [] : [stable]), ...(run === undefined ? [] : [{ version, run }])]
  return runs.map((one) => runOf(one.version, one.run))
}

function runOf(version: string, { command, cwd = '.', replicas = 1, env = {} }: RunOptions) {
  return { version, command: commandWords(command), cwd, replicas, env: Object.keys(env) }
}

function runWords({ version, command, cwd, replicas, env }: RolloutPlan['runs'][number]): string {
  const instances = replicas === 1 ? '1 instance' : `${replicas} instances`
  const variables = env.length === 0 ? '' : `, with ${env.join(', ')}`
  return `${version}: ${command} (${instances}, in ${cwd}${variables})`
}

function commandWords(command: string | readonly string[]): string {
  return typeof command === 'string'
    ? command
    : command.map((part) => (/[\s"']/.test(part) ? JSON.stringify(part) : part)).join(' ')
}

function healthOf({
  health = {},
  healthCheckInterval,
  healthCheckThreshold,
}: RolloutConfig['options']): string {
  const every = spoken(healthCheckInterval ?? STANDARD.healthCheckInterval)
  const times = healthCheckThreshold ?? STANDARD.healthCheckThreshold
  return `${probeWords(health)}, asked every ${every}, ${times} in a row count`
}

function probeWords(probe: ProbeOptions): string {
  if (probe.kind === 'tcp') return `the port takes connections within ${spoken(probe.timeout ?? '2s')}`
  if (probe.kind === 'command') {
    return `${commandWords(probe.command)} ends with 0 within ${spoken(probe.timeout ?? '10s')}`
  }
  const { path = '/health', status = 200, maxLatency, timeout = '2s' } = probe
  return `GET ${path} answers ${[status].flat().join(' or ')} within ${spoken(maxLatency ?? timeout)}`
}

function checkWords(check: Check): string {
  const asked = check.kind === 'error-rate' ? errorWords(check) : latencyWords(check)
  const condition = check.required ? 'needs' : 'once there are'
  return `${asked.join(' and ')} (${condition} ${check.minSamples} requests, harm from ${check.failureLimit + 1} failures in a row on)`
}

function errorWords({ max, aboveBaseline }: Extract<Check, { kind: 'error-rate' }>): readonly string[] {
  return [
    ...(max === null ? [] : [`at most ${percent(max)} of requests fail`]),
    ...(aboveBaseline === null
      ? []
      : [`at most ${percent(aboveBaseline)} more of them than of the old version's`]),
  ]
}

function latencyWords({
  quantile,
  maxMs,
  timesBaseline,
}: Extract<Check, { kind: 'latency' }>): readonly string[] {
  const share = `${percent(quantile)} of requests take at most`
  return [
    ...(maxMs === null ? [] : [`${share} ${formatMs(maxMs)}`]),
    ...(timesBaseline === null ? [] : [`${share} ${timesBaseline} times as long as the old version's`]),
  ]
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(6))} %`
}

function testsOf({
  healthPath = '/health',
  basicCall = {},
  tests = [],
}: Partial<SmokeOptions>): readonly string[] {
  return [
    `${callWords({ path: healthPath })} (built in)`,
    `${callWords(basicCall)} (built in)`,
    ...tests.map((test) => `${test.name}: ${'http' in test ? callWords(test.http) : 'a function'}`),
  ]
}

function callWords({ method, path = '/', body, expect = {} }: HttpTestOptions): string {
  const { status = 200 } = expect
  return `${method ?? (body === undefined ? 'GET' : 'POST')} ${path} answers ${[status].flat().join(' or ')}`
}

function limitsOf(options: RolloutConfig['options']): Readonly<Record<Limit, string>> {
  const entries = LIMITS.map((limit) => [limit, spoken(options[limit] ?? STANDARD[limit])] as const)
  return Object.fromEntries(entries) as Record<Limit, string>
}

function spoken(duration: Duration): string {
  return formatMs(toMs(duration))
}
