// What a rollout file may say. Every name is the name of the option in TypeScript; `schema.ts` checks it, and its type is
// held against these. Only types, and one function that does nothing: who writes a config in TypeScript loads no checker.
import type { CheckOptions, LatencyOptions } from '../analysis/checks.ts'
import type {
  BlueGreenOptions,
  CanaryOptions,
  HttpTestOptions,
  RunOptions,
  ServiceOptions,
  SmokeOptions,
} from '../options.ts'
import type { Duration } from '../units.ts'

/** Limits on the rate of failed requests; at least one. */
export interface ErrorRateLimits extends CheckOptions {
  /** The highest rate that is still fine, 0 to 1. */
  readonly max?: number
  /** How far above the baseline's rate of the same moment is still fine, 0 to 1. */
  readonly aboveBaseline?: number
}

/** One question asked of the traffic. */
export type CheckInFile = { readonly errorRate: ErrorRateLimits } | { readonly latency: LatencyOptions }

/** A step in the words of Argo Rollouts: a weight, how long it is watched, or a weight alone. */
export type StepInFile =
  | number
  | {
      /** The most of the traffic that the canary may get from here on, in percent. */
      readonly setWeight?: number
      /** How long it has to be observed and healthy there. @defaultValue `validationDuration` */
      readonly pause?: { readonly duration: Duration }
    }

/** A smoke test that is a request. */
export interface SmokeTestInFile {
  /** Unique within the suite. */
  readonly name: string
  readonly http: HttpTestOptions
  /** Only critical tests decide about the suite. @defaultValue 'critical' */
  readonly severity?: 'critical' | 'non-critical'
  /** How long one attempt may take. @defaultValue the suite's `timeout` */
  readonly timeout?: Duration
  /** How often a failed test is tried again, 0 to 20. @defaultValue the suite's `retries` */
  readonly retries?: number
}

/** The tests after a release. */
export interface SmokeInFile extends Omit<
  SmokeOptions,
  'name' | 'version' | 'engine' | 'stateDir' | 'adapters' | 'tests'
> {
  /** Your own tests, beside the two built in. */
  readonly tests?: readonly SmokeTestInFile[]
}

/** Where the engine's events and commands are served. */
export interface ServerInFile {
  /** A port of 127.0.0.1, or 'host:port'. */
  readonly listen: number | string
  /** What callers have to show, as a reference: `env:NAME` or `file:path`. Necessary beyond loopback. */
  readonly token?: string
}

/** What Ctrl-C does to a rollout: take it back, leave it to go on by itself, or freeze it where it is. */
export type OnInterrupt = 'rollback' | 'detach' | 'hold'

/** A rollout file, as people write it. */
export interface RolloutFile
  extends
    Omit<ServiceOptions, 'engine' | 'adapters' | 'checks'>,
    Pick<CanaryOptions, 'stableVersion' | 'trafficSteps' | 'validationDuration'>,
    Pick<BlueGreenOptions, 'monitoringDuration'> {
  /** For editors; it is not read. */
  readonly $schema?: string
  /** How the new version gets its traffic: step by step, or all at once. */
  readonly strategy: 'canary' | 'blue-green'
  /** The version to release; the command line may name another one. */
  readonly version?: string
  /** How to run single versions, where that differs from `run`. */
  readonly versions?: Readonly<Record<string, RunOptions>>
  /** What `trafficSteps` and `validationDuration` say, in the words of Argo Rollouts. */
  readonly steps?: readonly StepInFile[]
  /** What is asked of the traffic. @defaultValue for a canary, errors and latency compared with the baseline */
  readonly checks?: readonly CheckInFile[]
  /** Tests after the release: with them, it is a pipeline. */
  readonly smoke?: SmokeInFile | false
  /** Serves events and commands over HTTP. @defaultValue not at all */
  readonly server?: ServerInFile
  /** What Ctrl-C does. @defaultValue 'rollback' */
  readonly onInterrupt?: OnInterrupt
}

/**
 * Types a rollout that is written in TypeScript, and gives it back as it is: `export default defineRollout({ … })` in
 * `rollout.config.ts`.
 */
export function defineRollout(config: RolloutFile): RolloutFile {
  return config
}
