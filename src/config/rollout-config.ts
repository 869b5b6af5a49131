import type { BlueGreenOptions, CanaryOptions, PipelineOptions, RunOptions } from '../options.ts'
import type { OnInterrupt } from './rollout-file.ts'

interface Common {
  /** The file, as an absolute path. */
  readonly file: string
  /** The version to release; missing when neither the file nor the caller names one. */
  readonly version?: string
  /** The version that serves before the first rollout, and how to run it. */
  readonly stable?: { readonly version: string; readonly run: RunOptions }
  /** Where to serve; the token is still a reference (`env:NAME` or an absolute `file:path`). */
  readonly server?: { readonly listen: number | string; readonly token?: string }
  readonly onInterrupt: OnInterrupt
}

/** A checked rollout file: `options` are what the part of that name takes. Plain data; paths are absolute. */
export type RolloutConfig =
  | (Common & { readonly strategy: 'canary'; readonly options: CanaryOptions })
  | (Common & { readonly strategy: 'blue-green'; readonly options: BlueGreenOptions })
  | (Common & { readonly strategy: 'pipeline'; readonly options: PipelineOptions })
