/** Why traffic was taken back, or a release given up. Stable words: dashboards and exit codes depend on them. */
export type Cause =
  | 'abort'
  | 'claim-lost'
  | 'deployment-timeout'
  | 'health-check-failure'
  | 'instance-exited'
  | 'manual'
  | 'metrics-degraded'
  | 'router-refused'
  | 'smoke-test-failure'
  | 'staging-failed'
  | 'suspicion-unresolved'

/** How a rollout ended. A rollback is a result, never an exception. */
export type Ending = 'promoted' | 'rolled-back' | 'superseded' | 'failed' | 'passed' | 'aborted'

/** An ending with its reason; `stranded` is no ending: traffic could not yet be taken back, and it is still being tried. */
export interface Outcome {
  readonly status: Ending | 'stranded'
  readonly cause: Cause | null
  readonly reason: string | null
}
