// The rollback machine: a way back as an act of its own, with its own claim, its own time and its own entry in the journal.
//
// A target that is warm gets all traffic at once. One that was retired is started first, and does not get any until it is
// healthy; where a release had moved traffic, nobody would watch that meanwhile: it all returns to the version that was
// stable, before anything else. What is left behind is only stopped once the target has proved that it can carry everything.
import type { SnapshotFrom } from 'xstate'

import type { Outcome } from '../events/outcome.ts'
import { allTo } from '../events/share.ts'
import { type Activity, probing } from './activity.ts'
import { ask, askBack, left, pageFailure, pageStranded, rollbackWords, target } from './rollback-words.ts'
import { bounded, pathOf, type ReservedReturn, strategy } from './strategy.ts'
import { cancelBudget, cancelDeadline, cancelRetry, outlast, wait } from './timing.ts'

export const rollbackMachine = rollbackWords.createMachine({
  id: 'rollback',
  description:
    'Takes all traffic back to a version that was good, restoring it first where it no longer runs, and stops what it left.',
  options: bounded,
  context: ({ input }) => ({
    plan: input,
    from: input.from,
    cause: input.cause,
    reason: input.reason,
    n: 0,
    tries: 0,
    health: 'unknown',
    verified: false,
    stopped: [],
    cut: 0,
    leftBehind: [],
  }),
  initial: 'requested',
  on: {
    'claim.lost': {
      target: '.superseded',
      actions: 'keepReason',
      description: 'someone else took the service',
    },
  },
  states: {
    requested: {
      description: 'Nothing is done yet; it is left within the first step.',
      on: {
        'rollout.requested': [
          {
            guard: 'isToReturnFirst',
            target: 'returning',
            description: 'the target no longer runs, and traffic has moved',
          },
          { guard: 'isToBeRestored', target: 'staging', description: 'the target no longer runs' },
          { target: 'routing', description: 'the target is warm' },
        ],
      },
    },

    returning: {
      description:
        'All traffic goes back to what was stable, for the release that it was moved by is watched no more.',
      initial: 'asking',
      entry: ['askAnew', wait('budget', 'returnBudgetMs')],
      exit: cancelBudget,
      on: {
        'traffic.shifted': {
          guard: 'confirmsReturn',
          target: 'staging',
          description: 'read back: all on what was stable',
        },
      },
      states: {
        asking: {
          description: 'The return was asked for and is not yet confirmed.',
          entry: askBack,
          exit: cancelRetry,
          on: {
            'retry.elapsed': { target: 'asking', reenter: true, description: 'ask again' },
            'budget.elapsed': {
              target: 'stranded',
              actions: pageStranded('back'),
              description: 'the time for it is spent: people are called',
            },
          },
        },
        stranded: {
          description: 'Traffic could not be returned in time. People know, and it is tried for ever.',
          entry: askBack,
          exit: cancelRetry,
          on: { 'retry.elapsed': { target: 'stranded', reenter: true, description: 'ask again' } },
        },
      },
    },

    staging: {
      description: 'The target is started and proved healthy; it gets no traffic until it is.',
      entry: [{ type: 'startVersion', params: target }, wait('deadline', 'stagingMs')],
      exit: cancelDeadline,
      on: {
        'version.ready': { guard: 'isTarget', target: 'routing', description: 'it runs and is healthy' },
        'version.failed': {
          guard: 'isTarget',
          target: 'withdrawing',
          actions: ['keepReason', pageFailure],
          description: 'it can not be run any more',
        },
        'deadline.elapsed': {
          target: 'withdrawing',
          actions: ['keepReason', pageFailure],
          description: 'never healthy',
        },
        'abort.requested': { target: 'withdrawing', actions: 'keepReason', description: 'a person says so' },
      },
    },

    withdrawing: {
      description: 'The target could not be restored: what was started of it is stopped, traffic stays.',
      entry: [{ type: 'stopVersion', params: target }, outlast('stopMs')],
      exit: cancelDeadline,
      on: {
        'version.stopped': { guard: 'isTarget', target: 'failed', description: 'it is gone' },
        'deadline.elapsed': { target: 'failed', description: 'no answer: it has no traffic' },
      },
    },

    routing: {
      description: 'All traffic goes to the target. It ends only when the router was read back.',
      initial: 'asking',
      entry: ['askAnew', wait('budget', 'returnBudgetMs')],
      exit: cancelBudget,
      on: {
        'traffic.shifted': [
          {
            guard: 'confirmsNowhereWithNothingToLeave',
            target: 'rolled-back',
            actions: 'verify',
            description: 'read back: routed nowhere, and nothing else runs',
          },
          {
            guard: 'confirmsNowhere',
            target: 'cleaning',
            actions: 'verify',
            description: 'read back: routed nowhere',
          },
          { guard: 'confirms', target: 'verifying', description: 'read back: all on the target' },
        ],
        'probe.concluded': { guard: 'isTarget', actions: 'noteHealth', description: 'how the target is' },
      },
      states: {
        asking: {
          description: 'The change was asked for and is not yet confirmed.',
          entry: ask,
          exit: cancelRetry,
          on: {
            'retry.elapsed': { target: 'asking', reenter: true, description: 'ask again' },
            'budget.elapsed': {
              target: 'stranded',
              actions: pageStranded('target'),
              description: 'the time for it is spent: people are called',
            },
          },
        },
        stranded: {
          description: 'Traffic could not be taken back in time. People know, and it is tried for ever.',
          entry: ask,
          exit: cancelRetry,
          on: { 'retry.elapsed': { target: 'stranded', reenter: true, description: 'ask again' } },
        },
      },
    },

    verifying: {
      description: 'The target has all traffic, and is watched before what was left is stopped.',
      entry: wait('deadline', 'verifyMs'),
      exit: cancelDeadline,
      on: {
        'probe.concluded': { guard: 'isTarget', actions: 'noteHealth', description: 'how the target is' },
        'deadline.elapsed': [
          {
            guard: 'isHealthyWithNothingToLeave',
            target: 'rolled-back',
            actions: 'verify',
            description: 'healthy for long enough, and nothing else runs',
          },
          {
            guard: 'isHealthy',
            target: 'cleaning',
            actions: 'verify',
            description: 'healthy for long enough',
          },
          {
            target: 'rolled-back',
            actions: {
              type: 'page',
              params: ({ context }) => ({
                message: `Traffic is back on ${context.plan.target ?? 'nothing'}, which is ${context.health}; nothing else was stopped`,
              }),
            },
            description: 'not proved healthy: what else runs is kept, for a person to choose',
          },
        ],
        'promote.requested': [
          {
            guard: 'hasNothingToLeave',
            target: 'rolled-back',
            description: 'a person does not want to wait',
          },
          { target: 'cleaning', description: 'a person does not want to wait' },
        ],
      },
    },

    cleaning: {
      description: 'The versions that were left are drained and stopped, one after the other.',
      initial: 'draining',
      states: {
        draining: {
          description: 'What is still open on it ends by itself, or is cut and counted.',
          entry: [
            {
              type: 'drainVersion',
              params: ({ context }) => ({ ...left({ context }), ms: context.plan.drainMs }),
            },
            outlast('drainMs'),
          ],
          exit: cancelDeadline,
          on: {
            'traffic.drained': {
              guard: 'isLeft',
              target: 'stopping',
              actions: 'noteCut',
              description: 'nothing is open any more',
            },
            'deadline.elapsed': { target: 'stopping', description: 'no answer: stop it anyway' },
          },
        },
        stopping: {
          description: 'It is being stopped.',
          entry: [{ type: 'stopVersion', params: left }, outlast('stopMs')],
          exit: cancelDeadline,
          on: {
            'version.stopped': [
              {
                guard: 'isTheLastLeft',
                target: '#rolled-back',
                actions: 'noteStopped',
                description: 'it is gone, and was the last',
              },
              { guard: 'isLeft', target: 'draining', actions: 'noteStopped', description: 'it is gone' },
            ],
            'deadline.elapsed': [
              {
                guard: 'hasMoreToLeave',
                target: 'draining',
                actions: 'noteLeftBehind',
                description: 'no answer: on to the next',
              },
              {
                target: '#rolled-back',
                actions: 'noteLeftBehind',
                description: 'no answer: it has no traffic',
              },
            ],
          },
        },
      },
    },

    'rolled-back': {
      id: 'rolled-back',
      type: 'final',
      description: 'All traffic is on the target, read back from the router.',
    },
    failed: {
      type: 'final',
      description: 'The target could not be restored; traffic is where it was.',
    },
    superseded: {
      type: 'final',
      description: 'Someone else took the service; this rollback touches nothing any more.',
    },
  },
})

type RollbackSnapshot = SnapshotFrom<typeof rollbackMachine>

const ENDINGS = ['rolled-back', 'failed', 'superseded'] as const
/** Where the target does not run yet: the way back is the version that was stable. */
const RESTORING = /^(?:returning|staging|withdrawing)/

export const rollback = strategy(rollbackMachine, {
  name: 'rollback',
  version: 1,

  activitiesOf(snapshot: RollbackSnapshot): readonly Activity[] {
    const { target: version } = snapshot.context.plan
    const isWatched = snapshot.matches('routing') || snapshot.matches('verifying')
    return isWatched && version !== null ? [probing(version)] : []
  },

  outcomeOf({ value, context: { cause, reason } }: RollbackSnapshot): Outcome | null {
    const path = pathOf(value)
    const isStranded = path === 'routing.stranded' || path === 'returning.stranded'
    const status = isStranded ? 'stranded' : ENDINGS.find((ending) => ending === path)
    return status === undefined ? null : { status, cause, reason }
  },

  returnOf({ value, context: { plan, n }, status }: RollbackSnapshot): ReservedReturn | null {
    if (status !== 'active' || n === 0) return null
    const version = RESTORING.test(pathOf(value)) ? plan.back : plan.target
    return { split: allTo(version), generation: { claim: plan.claim, n: n + 1 } }
  },
})
