// The pipeline machine: a release, its smoke tests, and the way back when anything fails. Each of the three is a rollout of
// its own, a child that keeps its own deadlines; the pipeline starts it, hears how it ended, and holds the service from the
// first moment to the last.
import type { SnapshotFrom } from 'xstate'

import type { Outcome } from '../events/outcome.ts'
import type { Activity } from './activity.ts'
import {
  abortDeploy,
  deploy,
  endTests,
  oldVersion,
  passDown,
  pipelineWords,
  startRollback,
  tests,
  watching,
} from './pipeline-words.ts'
import { bounded, pathOf, strategy } from './strategy.ts'
import { backOff, cancelBudget, cancelDeadline, cancelRetire, cancelRetry, outlast, wait } from './timing.ts'

/** What goes back while the release is over and the pipeline is not, for nobody else is looking; `also` is done then. */
const goingBack = <const A extends readonly (typeof endTests)[]>(...also: A) => {
  const actions = ['keepReason', ...also] as const
  return {
    'analysis.concluded': [
      { guard: 'isHarmAndBound', target: '#frozen', actions, description: 'harm, but no way back' },
      { guard: 'isHarm', target: '#rolling-back', actions, description: 'conclusive harm' },
    ],
    'probe.concluded': [
      { guard: 'isHarmAndBound', target: '#frozen', actions, description: 'unhealthy, but no way back' },
      { guard: 'isHarm', target: '#rolling-back', actions, description: 'unhealthy' },
    ],
    'version.exited': [
      { guard: 'isHarmAndBound', target: '#frozen', actions, description: 'died, but no way back' },
      { guard: 'isHarm', target: '#rolling-back', actions, description: 'an instance died' },
    ],
    'abort.requested': {
      guard: 'mayReturn',
      target: '#rolling-back',
      actions,
      description: 'a person says so',
    },
  } as const
}

export const pipelineMachine = pipelineWords.createMachine({
  id: 'pipeline',
  description: 'Releases a version, proves it with smoke tests, and takes it back when anything fails.',
  options: bounded,
  context: ({ input }) => ({ plan: input, rollbacks: 0, cause: null, reason: null }),
  initial: 'deploying',
  on: {
    'claim.lost': {
      target: '.superseded',
      actions: 'keepReason',
      description: 'someone else took the service',
    },
  },
  states: {
    deploying: {
      description: 'The release is under way; the old version is kept for the smoke tests to come.',
      entry: {
        type: 'startChild',
        params: ({ context }) => ({ ...deploy, strategy: context.plan.strategy }),
      },
      on: {
        'child.ended': [
          { guard: 'isDeployedToTest', target: 'verifying', description: 'released: now the smoke tests' },
          { guard: 'isDeployedFirst', target: 'promoted', description: 'released; nothing to retire' },
          { guard: 'isDeployed', target: 'retiring', description: 'released' },
          {
            guard: 'isDeployRolledBack',
            target: 'rolled-back',
            actions: 'keepOutcome',
            description: 'the release took itself back',
          },
          {
            guard: 'isDeployFailed',
            target: 'failed',
            actions: 'keepOutcome',
            description: 'the first release was given up',
          },
          {
            guard: 'isDeploySuperseded',
            target: 'superseded',
            actions: 'keepOutcome',
            description: 'someone else took the service',
          },
        ],
        'abort.requested': [
          {
            guard: 'mayReturn',
            target: 'aborting',
            actions: 'keepReason',
            description: 'a person says so: the release takes itself back',
          },
          { actions: passDown, description: 'passed down: the release knows whether it still can' },
        ],
        'pause.requested': { actions: passDown, description: 'passed down' },
        'resume.requested': { actions: passDown, description: 'passed down' },
        'promote.requested': { actions: passDown, description: 'passed down' },
        'weight.requested': { actions: passDown, description: 'passed down' },
        'swap.requested': { actions: passDown, description: 'passed down' },
        'monitor.requested': { actions: passDown, description: 'passed down' },
      },
    },

    aborting: {
      description: 'The release is told to take itself back, again and again until it says that it has.',
      entry: [abortDeploy, { type: 'startTimer', params: { timer: 'retry', ms: 5_000 } }],
      exit: cancelRetry,
      on: {
        'retry.elapsed': { target: 'aborting', reenter: true, description: 'tell it again' },
        'child.ended': [
          { guard: 'isDeployFailed', target: 'failed', description: 'the first release is gone' },
          { guard: 'isDeployRolledBack', target: 'rolled-back', description: 'it is back on stable' },
          {
            guard: 'isDeploySuperseded',
            target: 'superseded',
            actions: 'keepOutcome',
            description: 'someone else took the service',
          },
          { guard: 'isDeployed', target: 'rolling-back', description: 'it was through already' },
        ],
      },
    },

    verifying: {
      description: 'The smoke tests run against the new version, which serves everything and is watched.',
      entry: { type: 'startChild', params: { ...tests, strategy: 'smoke' } },
      on: {
        ...goingBack(endTests),
        'child.ended': [
          { guard: 'isPassedFirst', target: 'promoted', description: 'passed; nothing to retire' },
          { guard: 'isPassed', target: 'retiring', description: 'passed' },
          {
            guard: 'isTestedAndBound',
            target: 'frozen',
            actions: 'keepComplaint',
            description: 'failed, and there is no way back',
          },
          { guard: 'isTested', target: 'rolling-back', actions: 'keepComplaint', description: 'failed' },
        ],
      },
    },

    retiring: {
      description:
        'The new version is proved; the old one stays warm for a while, is drained, and is stopped.',
      initial: 'waiting',
      on: goingBack(),
      states: {
        waiting: {
          description: 'The old version is warm: going back takes one change of traffic.',
          entry: wait('retire', 'retireMs'),
          exit: cancelRetire,
          on: {
            'retire.elapsed': { target: 'draining', description: 'warm for long enough' },
            'promote.requested': { target: 'draining', description: 'a person does not want to wait' },
          },
        },
        draining: {
          description: 'What is still open on the old version ends by itself, or is cut and counted.',
          entry: [
            {
              type: 'drainVersion',
              params: ({ context }) => ({ ...oldVersion({ context }), ms: context.plan.drainMs }),
            },
            outlast('drainMs'),
          ],
          exit: cancelDeadline,
          on: {
            'traffic.drained': {
              guard: 'isOldVersions',
              target: 'stopping',
              description: 'nothing is open any more',
            },
            'deadline.elapsed': {
              target: 'stopping',
              description: 'no answer: the platform asks it to end anyway',
            },
          },
        },
        stopping: {
          description: 'The old version is being stopped; from here there is no way back that is warm.',
          entry: [{ type: 'stopVersion', params: oldVersion }, outlast('stopMs')],
          exit: cancelDeadline,
          on: {
            'analysis.concluded': {},
            'probe.concluded': {},
            'version.exited': {},
            'abort.requested': {},
            'version.stopped': { guard: 'isOldVersions', target: '#promoted', description: 'it is gone' },
            'deadline.elapsed': {
              target: '#promoted',
              description: 'no answer: traffic is where it belongs',
            },
          },
        },
      },
    },

    'rolling-back': {
      id: 'rolling-back',
      description: 'A rollback takes everything back, and is started again for as long as it fails.',
      initial: 'undoing',
      entry: wait('budget', 'undoMs'),
      exit: [cancelBudget, cancelRetry],
      on: {
        'abort.requested': {},
        'child.ended': [
          {
            guard: 'isUndoneFirst',
            target: 'failed',
            description: 'read back: the first release is routed nowhere',
          },
          { guard: 'isUndone', target: 'rolled-back', description: 'read back: all on stable' },
          {
            guard: 'isUndoSuperseded',
            target: 'superseded',
            actions: 'keepOutcome',
            description: 'someone else took the service',
          },
          {
            guard: 'isNotUndone',
            actions: backOff('rollbacks'),
            description: 'it failed: once more, after a while',
          },
        ],
        'retry.elapsed': { actions: ['countRollback', startRollback], description: 'once more' },
      },
      states: {
        undoing: {
          description: 'The rollback is under way.',
          entry: ['countRollback', startRollback],
          on: {
            'budget.elapsed': {
              target: 'stranded',
              actions: {
                type: 'page',
                params: ({ context: { plan, reason } }) => ({
                  message: `${plan.version} could not be taken back yet: ${reason ?? 'unknown'}`,
                }),
              },
              description: 'the time for it is spent: people are called',
            },
          },
        },
        stranded: { description: 'It takes too long. People know, and it is tried for ever.' },
      },
    },

    frozen: {
      id: 'frozen',
      description: 'A version that can not be undone did not prove itself: a person has to decide.',
      entry: {
        type: 'page',
        params: ({ context: { plan, reason } }) => ({
          message: `${plan.version} failed and is not reversible: ${reason ?? 'unknown'}`,
        }),
      },
      on: {
        'abort.requested': {
          guard: 'mayReturn',
          target: 'rolling-back',
          actions: 'keepReason',
          description: 'a person insists',
        },
        'promote.requested': [
          {
            guard: 'isFirst',
            target: 'promoted',
            actions: 'overrule',
            description: 'a person takes the risk; nothing to retire',
          },
          { target: 'retiring', actions: 'overrule', description: 'a person takes the risk' },
        ],
      },
    },

    promoted: {
      id: 'promoted',
      type: 'final',
      description: 'The version is released and has passed its tests.',
    },
    'rolled-back': { type: 'final', description: 'All traffic is back on stable.' },
    failed: { type: 'final', description: 'A first release was given up; the service is routed nowhere.' },
    superseded: {
      type: 'final',
      description: 'Someone else took the service; this pipeline touches nothing any more.',
    },
  },
})

type PipelineSnapshot = SnapshotFrom<typeof pipelineMachine>

const ENDINGS = ['promoted', 'rolled-back', 'failed', 'superseded'] as const
const WATCHED = new Set(['verifying', 'retiring.waiting', 'retiring.draining'])

export const pipeline = strategy(pipelineMachine, {
  name: 'pipeline',
  version: 1,

  activitiesOf({ value, context }: PipelineSnapshot): readonly Activity[] {
    return WATCHED.has(pathOf(value)) ? watching(context.plan) : []
  },

  outcomeOf({ value, context: { cause, reason } }: PipelineSnapshot): Outcome | null {
    const path = pathOf(value)
    const status = path === 'rolling-back.stranded' ? 'stranded' : ENDINGS.find((ending) => ending === path)
    return status === undefined ? null : { status, cause, reason }
  },

  returnOf: () => null,
})
