// The way back of a canary and of a blue-green release: one piece of statechart, placed by each strategy's own file.
import { newVersion, release, shift } from './release-words.ts'
import {
  backOff,
  cancelBudget,
  cancelDeadline,
  cancelProgress,
  cancelRetry,
  outlast,
  wait,
} from './timing.ts'

/** Forbids what any other state would do: it is already being done, or can no longer be. */
export const deaf = {
  'abort.requested': {},
  'analysis.concluded': {},
  'probe.concluded': {},
  'version.exited': {},
} as const

export const returning = release.createStateConfig({
  description:
    'All traffic goes back to stable. It ends only when the router was read back, and it never gives up.',
  initial: 'returning',
  entry: ['askForNothing', cancelProgress, wait('budget', 'returnBudgetMs')],
  exit: cancelBudget,
  on: deaf,
  states: {
    returning: {
      description: 'The return was asked for and is not yet confirmed.',
      entry: ['countReturn', { type: 'shiftTraffic', params: shift }, backOff('returns')],
      exit: cancelRetry,
      on: {
        'traffic.shifted': {
          guard: 'isInForce',
          target: 'draining',
          description: 'read back: all on stable',
        },
        'retry.elapsed': { target: 'returning', reenter: true, description: 'ask again' },
        'budget.elapsed': {
          target: 'stranded',
          actions: {
            type: 'page',
            params: ({ context: { plan, reason } }) => ({
              message: `Traffic of ${plan.version} could not be taken back yet: ${reason ?? 'unknown'}`,
            }),
          },
          description: 'the time for it is spent: people are called',
        },
      },
    },
    stranded: {
      description: 'Traffic could not be taken back in time. People know, and it is tried for ever.',
      entry: ['countReturn', { type: 'shiftTraffic', params: shift }, backOff('returns')],
      exit: cancelRetry,
      on: {
        'traffic.shifted': { guard: 'isInForce', target: 'draining', description: 'read back at last' },
        'retry.elapsed': { target: 'stranded', reenter: true, description: 'ask again' },
      },
    },
    draining: {
      description: 'All traffic is on stable; what is still open on the new version ends or is cut.',
      entry: [
        cancelBudget,
        {
          type: 'drainVersion',
          params: ({ context: { plan } }) => ({ version: plan.version, ms: plan.rollbackDrainMs }),
        },
        outlast('rollbackDrainMs'),
      ],
      exit: cancelDeadline,
      on: {
        'traffic.drained': { guard: 'isOurs', target: 'stopping', description: 'nothing is open any more' },
        'deadline.elapsed': { target: 'stopping', description: 'no answer: stop it anyway' },
      },
    },
    stopping: {
      description: 'The new version is being stopped.',
      entry: [{ type: 'stopVersion', params: newVersion }, outlast('stopMs')],
      exit: cancelDeadline,
      on: {
        'version.stopped': [
          {
            guard: 'isOursAndFirst',
            target: '#failed',
            description: 'it is gone, and there was nothing before it',
          },
          { guard: 'isOurs', target: '#rolled-back', description: 'it is gone' },
        ],
        'deadline.elapsed': [
          { guard: 'isFirst', target: '#failed', description: 'no answer: it has no traffic' },
          { target: '#rolled-back', description: 'no answer: it has no traffic' },
        ],
      },
    },
  },
})
