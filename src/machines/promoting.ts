// The end of a release that was healthy: everything is the new version's, and the old one is let go.
import { unanswered } from './regions.ts'
import { oldVersion, release, shift } from './release-words.ts'
import { deaf } from './returning.ts'
import { cancelDeadline, cancelProgress, cancelRetire, outlast, wait } from './timing.ts'

export const promoting = release.createStateConfig({
  description: 'The last bake was healthy: everything is asked for, and read back, before anyone is told.',
  entry: [{ type: 'shiftTraffic', params: shift }, cancelProgress, wait('deadline', 'shiftingMs')],
  exit: cancelDeadline,
  on: {
    'traffic.shifted': [
      {
        guard: 'isInForceAndSuspected',
        target: 'degraded',
        actions: wait('progress', 'progressMs'),
        description: 'in force, and harm is suspected',
      },
      {
        guard: 'isInForceAndRetired',
        target: 'promoted',
        description: 'in force; nothing to retire',
      },
      { guard: 'isInForce', target: 'retiring', description: 'in force' },
    ],
    ...unanswered,
  },
})

export const retiring = release.createStateConfig({
  description:
    'All traffic is on the new version; the old one stays warm for a while, is drained, and is stopped.',
  initial: 'waiting',
  entry: cancelProgress,
  on: {
    'analysis.concluded': {
      guard: 'isSuspicious',
      target: 'degraded',
      actions: ['suspect', wait('progress', 'progressMs')],
      description: 'suspicion of harm',
    },
    'probe.concluded': {
      guard: 'isSuspicious',
      target: 'degraded',
      actions: ['suspect', wait('progress', 'progressMs')],
      description: 'a first failed probe',
    },
  },
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
        ...deaf,
        'version.stopped': { guard: 'isOldVersions', target: '#promoted', description: 'it is gone' },
        'deadline.elapsed': { target: '#promoted', description: 'no answer: traffic is where it belongs' },
      },
    },
  },
})
