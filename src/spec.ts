// Options as people write them, made into what the journal holds: checked whole before anything is touched.
import type { Check } from './analysis/checks.ts'
import type { ProbeSpec, RunSpec } from './engine/ports.ts'
import type { HealthSpec, ReleaseSpec, ReleaseTimes } from './engine/spec.ts'
import { UsageError } from './errors.ts'
import type { ReleaseStep } from './machines/index.ts'
import {
  type DeployConfig,
  type ProbeOptions,
  type RunOptions,
  type ServiceOptions,
  STANDARD,
} from './options.ts'
import { address, count, toMs, toPositiveMs, name as toName } from './units.ts'

/** What a strategy adds to the options that all share. */
export interface Strategic {
  readonly strategy: ReleaseSpec['strategy']
  readonly steps: readonly ReleaseStep[]
  readonly gates: ReleaseSpec['gates']
  readonly checks: readonly Check[]
}

/** @throws UsageError `ARGUMENT_INVALID`, naming the option */
export function releaseSpec(
  options: ServiceOptions,
  { version, config = {} }: { readonly version: string; readonly config?: DeployConfig | undefined },
  { strategy, steps, gates, checks }: Strategic,
): ReleaseSpec {
  return {
    strategy,
    service: toName(options.name, 'name'),
    version: toName(version, 'version'),
    listen: address(options.listen ?? 0, 'listen'),
    run: runSpec(config.run ?? options.run),
    health: healthSpec(options),
    checks: options.checks ?? checks,
    windowMs: toPositiveMs(options.window ?? STANDARD.window, 'window'),
    steps,
    gates,
    keepStable: false,
    reversible: options.reversible ?? true,
    times: timesOf(options),
    by: config.by ?? null,
    why: config.why ?? null,
  }
}

function healthSpec(options: ServiceOptions): HealthSpec {
  return {
    probe: probeSpec(options.health ?? {}),
    intervalMs: toPositiveMs(
      options.healthCheckInterval ?? STANDARD.healthCheckInterval,
      'healthCheckInterval',
    ),
    threshold: count(options.healthCheckThreshold ?? STANDARD.healthCheckThreshold, 'healthCheckThreshold', {
      least: 1,
      most: 100,
    }),
  }
}

function probeSpec(options: ProbeOptions): ProbeSpec {
  switch (options.kind) {
    case 'tcp':
      return { kind: 'tcp', timeoutMs: toPositiveMs(options.timeout ?? '2s', 'health.timeout') }
    case 'command':
      return {
        kind: 'command',
        command: commandOf(options.command, 'health.command'),
        timeoutMs: toPositiveMs(options.timeout ?? '10s', 'health.timeout'),
      }
    default:
      return {
        kind: 'http',
        path: pathOf(options.path ?? '/health', 'health.path'),
        timeoutMs: toPositiveMs(options.timeout ?? '2s', 'health.timeout'),
        status: statusesOf(options.status, 'health.status'),
        body: options.body ?? null,
        headers: options.headers ?? {},
        maxLatencyMs:
          options.maxLatency === undefined ? null : toPositiveMs(options.maxLatency, 'health.maxLatency'),
      }
  }
}

/** @throws UsageError `ARGUMENT_INVALID` for what is no path of a URL */
export function pathOf(path: string, what: string): string {
  // Control characters and spaces would end the path early, or make two requests of one.
  // oxlint-disable-next-line no-control-regex
  if (/^\/[^\s#\u0000-\u001F\u007F]*$/.test(path) && path.length <= 2_000) return path
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected a path, got '${path.slice(0, 60)}'`, {
    hint: "It begins with a slash, for example '/health'",
  })
}

/** @throws UsageError `ARGUMENT_INVALID` for what is no status code of HTTP */
export function statusesOf(status: number | readonly number[] = 200, what = 'status'): readonly number[] {
  const all = typeof status === 'number' ? [status] : status
  return all.map((code) => count(code, what, { least: 100, most: 599 }))
}

function timesOf(options: ServiceOptions): ReleaseTimes {
  return {
    stagingMs: toPositiveMs(options.stagingTimeout ?? STANDARD.stagingTimeout, 'stagingTimeout'),
    shiftingMs: toPositiveMs(options.shiftTimeout ?? STANDARD.shiftTimeout, 'shiftTimeout'),
    progressMs: toPositiveMs(options.progressDeadline ?? STANDARD.progressDeadline, 'progressDeadline'),
    degradedMs: toPositiveMs(options.degradedTimeout ?? STANDARD.degradedTimeout, 'degradedTimeout'),
    retireMs: toMs(options.retireAfter ?? STANDARD.retireAfter, 'retireAfter'),
    drainMs: toMs(options.drainTimeout ?? STANDARD.drainTimeout, 'drainTimeout'),
    rollbackDrainMs: toMs(
      options.rollbackDrainTimeout ?? STANDARD.rollbackDrainTimeout,
      'rollbackDrainTimeout',
    ),
    returnBudgetMs: toPositiveMs(options.returnBudget ?? STANDARD.returnBudget, 'returnBudget'),
  }
}

function runSpec(run: RunOptions | undefined): RunSpec {
  if (run === undefined) {
    throw new UsageError('ARGUMENT_INVALID', 'run: nobody said how to run a version', {
      hint: "For example run: { command: 'node server.js' }",
    })
  }
  return {
    command: commandOf(run.command, 'run.command'),
    env: run.env ?? {},
    cwd: run.cwd ?? process.cwd(),
    replicas: count(run.replicas ?? 1, 'run.replicas', { least: 1, most: 100 }),
    stopGraceMs: toMs(run.stopGrace ?? '10s', 'run.stopGrace'),
  }
}

function commandOf(command: string | readonly string[], what: string): readonly string[] {
  const isText = typeof command === 'string'
  const parts = isText ? command.split(/\s+/).filter((part) => part !== '') : command
  const isPlain = parts.every((part) => typeof part === 'string' && !part.includes('\0'))
  const needsShell = isText && /["'`$|&;<>]/.test(command)
  if (parts.length > 0 && isPlain && !needsShell) return parts
  throw new UsageError('ARGUMENT_INVALID', `${what}: expected a program and its arguments`, {
    hint: "It is not given to a shell; write a list, for example ['node', 'server.js', '--name', 'a b']",
  })
}
