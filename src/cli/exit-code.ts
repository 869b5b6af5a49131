// What the command ends with, so that a script can tell apart what a person would.
import type { RolloutView } from '../engine/view.ts'
import { AdapterError, UsageError } from '../errors.ts'

/** Stable: a number never changes its meaning. */
export const EXIT = {
  /** Promoted, healthy, or done as asked. */
  ok: 0,
  /** Something went wrong inside, or what was asked can't be reached. */
  failed: 1,
  /** The command was not understood, or can't be done as things are. */
  usage: 2,
  /** Traffic was taken back, or a first release given up, without a person asking for it. */
  rolledBack: 10,
  /** A person took it back. */
  aborted: 11,
  /** Taken back because of a critical smoke test. */
  smokeFailed: 12,
  /** The wait is over, the rollout is not. */
  timedOut: 13,
  /** It goes no further without a person: paused, frozen, stranded or parked. */
  needsPerson: 14,
  /** Another rollout, or another controller, holds what is needed. */
  busy: 75,
  /** The rollout file is invalid; nothing was touched. */
  configInvalid: 78,
  /** A person left it to go on later. */
  detached: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

type Told = Pick<RolloutView, 'status' | 'outcome' | 'state'>

/** The exit code of how a rollout ended, or of where it stands. */
export function exitCodeOf(view: Told): ExitCode {
  const { outcome } = view
  if (outcome === null) return needsPerson(view) ? EXIT.needsPerson : EXIT.timedOut
  switch (outcome.status) {
    case 'promoted':
    case 'passed':
      return EXIT.ok
    case 'stranded':
      return EXIT.needsPerson
    case 'superseded':
    case 'aborted':
      return EXIT.aborted
    case 'rolled-back':
    case 'failed':
      return codeOfCause(outcome.cause)
  }
}

/** The exit code of whatever was thrown: whose fault it was. */
export function exitCodeOfError(error: unknown): ExitCode {
  if (error instanceof AdapterError || !(error instanceof UsageError)) return EXIT.failed
  switch (error.code) {
    case 'CONFIG_INVALID':
      return EXIT.configInvalid
    case 'ROLLOUT_IN_PROGRESS':
      return EXIT.busy
    default:
      return EXIT.usage
  }
}

/** Whether a rollout goes no further until a person says so. */
export function needsPerson({ status, outcome, state }: Told): boolean {
  return status === 'parked' || outcome?.status === 'stranded' || /^(?:paused|frozen)(?:\.|$)/.test(state)
}

function codeOfCause(cause: NonNullable<Told['outcome']>['cause']): ExitCode {
  switch (cause) {
    case 'abort':
    case 'manual':
    case 'claim-lost':
      return EXIT.aborted
    case 'smoke-test-failure':
      return EXIT.smokeFailed
    default:
      return EXIT.rolledBack
  }
}
