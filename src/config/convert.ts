// A checked file, made into what the public parts take.
import { dirname, resolve } from 'node:path'

import { type Check, errorRate, latency } from '../analysis/checks.ts'
import type { HttpTestOptions, PipelineOptions, RunOptions, ServiceOptions } from '../options.ts'
import type { RolloutConfig } from './rollout-config.ts'
import type { CheckInFile, RolloutFile, SmokeInFile } from './rollout-file.ts'
import { readSteps } from './steps.ts'

/** The rollout that a file describes; `path` is where the file is, and what its own paths start from. */
export function configOf(file: RolloutFile, path: string): RolloutConfig {
  const directory = dirname(path)
  const { version, stableVersion, server, onInterrupt = 'rollback' } = file
  const runOf = (of: string | undefined) => runIn(directory, (of && file.versions?.[of]) || file.run)
  const stableRun = stableVersion === undefined ? undefined : runOf(stableVersion)
  const common = {
    file: path,
    onInterrupt,
    ...defined({ version }),
    ...(stableVersion && stableRun ? { stable: { version: stableVersion, run: stableRun } } : {}),
    ...(server === undefined ? {} : { server: serverIn(directory, server) }),
  }
  const service = serviceOptions(file, directory, runOf(version))
  const canary = { ...service, ...stepOptions(file), ...defined({ stableVersion }) }
  const blueGreen = { ...service, ...defined({ monitoringDuration: file.monitoringDuration }) }
  if (file.smoke !== undefined && file.smoke !== false) {
    const smoke = smokeIn(directory, file.smoke)
    const options: PipelineOptions = { ...canary, ...blueGreen, strategy: file.strategy, smoke }
    return { ...common, strategy: 'pipeline', options }
  }
  return file.strategy === 'canary'
    ? { ...common, strategy: 'canary', options: canary }
    : { ...common, strategy: 'blue-green', options: blueGreen }
}

function serviceOptions(file: RolloutFile, directory: string, run: RunOptions | undefined): ServiceOptions {
  const { name, listen, health, healthCheckInterval, healthCheckThreshold, window, reversible, onBusy } = file
  const { stagingTimeout, shiftTimeout, progressDeadline, degradedTimeout, returnBudget } = file
  const { retireAfter, drainTimeout, rollbackDrainTimeout, stateDir } = file
  return {
    name,
    ...defined({
      run,
      listen,
      health,
      healthCheckInterval,
      healthCheckThreshold,
      window,
      reversible,
      onBusy,
    }),
    ...defined({ stagingTimeout, shiftTimeout, progressDeadline, degradedTimeout, returnBudget }),
    ...defined({ retireAfter, drainTimeout, rollbackDrainTimeout }),
    ...defined({ checks: file.checks?.map(checkOf) }),
    ...defined({ stateDir: stateDir === undefined ? undefined : resolve(directory, stateDir) }),
  }
}

function stepOptions({ steps, trafficSteps, validationDuration }: RolloutFile) {
  const read = steps === undefined ? null : readSteps(steps, validationDuration)
  if (read === null || read.kind !== 'read') return defined({ trafficSteps, validationDuration })
  return { trafficSteps: read.trafficSteps, validationDuration: read.validationDuration }
}

function checkOf(check: CheckInFile): Check {
  return 'errorRate' in check ? errorRate(check.errorRate) : latency(check.latency)
}

function runIn(directory: string, run: RunOptions | undefined): RunOptions | undefined {
  if (run === undefined) return undefined
  const { env, cwd = '.' } = run
  return {
    ...run,
    cwd: resolve(directory, cwd),
    ...(env === undefined ? {} : { env: referencesIn(directory, env) }),
  }
}

type Smoke = NonNullable<PipelineOptions['smoke']>

function smokeIn(directory: string, { basicCall, tests, ...rest }: SmokeInFile): Smoke {
  const callIn = ({ headers, ...call }: HttpTestOptions): HttpTestOptions =>
    headers === undefined ? call : { ...call, headers: referencesIn(directory, headers) }
  return {
    ...rest,
    ...(basicCall === undefined ? {} : { basicCall: callIn(basicCall) }),
    ...(tests === undefined ? {} : { tests: tests.map((test) => ({ ...test, http: callIn(test.http) })) }),
  }
}

function serverIn(directory: string, { listen, token }: NonNullable<RolloutFile['server']>) {
  return token === undefined ? { listen } : { listen, token: referenceIn(directory, token) }
}

function referencesIn(
  directory: string,
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, referenceIn(directory, value)]),
  )
}

/** A file that a reference names, found from the directory of the config wherever the command was called. */
function referenceIn(directory: string, value: string): string {
  return value.startsWith('file:') ? `file:${resolve(directory, value.slice('file:'.length))}` : value
}

/** Without what is undefined: an option that is not said is not there. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const said = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(said) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
