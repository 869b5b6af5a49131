// The canary machine.
//
// Rule 1: everything that decides where a canary's traffic goes is in this file and the regions it names.
// Rule 2: nothing here touches the world. It asks with a command (`shiftTraffic`, `startTimer`, …) and is told with an
// event (`traffic.shifted`, `deadline.elapsed`, …). Even time is asked for: there is no `after` and no `invoke`, so the
// journal of events is enough to be exactly here again.
import { promoting, retiring } from './promoting.ts'
import { always, degraded, ends, frozen, shifting, staging } from './regions.ts'
import { begin } from './release-context.ts'
import { releaseReading } from './release-reading.ts'
import { release } from './release-words.ts'
import { returning } from './returning.ts'
import { bounded, strategy } from './strategy.ts'
import { cancelProgress, wait } from './timing.ts'

export const canaryMachine = release.createMachine({
  id: 'canary',
  description:
    'Shifts traffic to a new version step by step, compares it with the version that serves beside it, and takes everything back on harm.',
  options: bounded,
  context: begin,
  initial: 'staging',
  on: always,
  states: {
    staging: {
      ...staging,
      on: {
        ...staging.on,
        'version.ready': [
          {
            guard: 'isOursAndHeld',
            target: 'paused',
            description: 'healthy, and a person wants it to stay',
          },
          {
            guard: 'isOurs',
            target: 'shifting',
            actions: 'askForStep',
            description: 'it runs and is healthy',
          },
        ],
      },
    },

    shifting: {
      ...shifting,
      on: {
        ...shifting.on,
        'weight.requested': {
          guard: 'maySetWeight',
          target: 'shifting',
          reenter: true,
          actions: 'askForRequested',
          description: 'a person sets another weight',
        },
      },
    },

    monitoring: {
      description: 'The step is in force and compared with the baseline; observed time adds up to the bake.',
      on: {
        'analysis.concluded': [
          {
            guard: 'completesTheLastBake',
            target: 'promoting',
            actions: ['observe', 'askForEverything'],
            description: 'healthy for the last bake',
          },
          {
            guard: 'completesTheBake',
            target: 'shifting',
            actions: 'askForNextStep',
            description: 'healthy for the whole bake',
          },
          { guard: 'isSuspicious', target: 'degraded', actions: 'suspect', description: 'suspicion of harm' },
          { guard: 'isHarmless', actions: 'observe', description: 'one more window' },
        ],
        'probe.concluded': {
          guard: 'isSuspicious',
          target: 'degraded',
          actions: 'suspect',
          description: 'a first failed probe',
        },
        'progress.elapsed': {
          target: 'paused',
          actions: 'reportSilence',
          description: 'not enough evidence for too long',
        },
        'pause.requested': { target: 'paused', description: 'a person wants it to stay' },
        'promote.requested': [
          {
            guard: 'mayAdvanceToTheLast',
            target: 'shifting',
            actions: 'askForLastStep',
            description: 'skip all steps but the last',
          },
          {
            guard: 'mayAdvance',
            target: 'shifting',
            actions: 'askForNextStep',
            description: 'skip the rest of this bake',
          },
        ],
        'weight.requested': {
          guard: 'maySetWeight',
          target: 'shifting',
          actions: 'askForRequested',
          description: 'a person sets the weight',
        },
      },
    },

    degraded: {
      ...degraded,
      on: {
        ...degraded.on,
        'weight.requested': {
          guard: 'maySetWeight',
          target: 'shifting',
          actions: 'askForRequested',
          description: 'a person lowers the weight',
        },
      },
    },

    paused: {
      description: 'The weight and the bake are frozen until a person says so; harm still takes it back.',
      entry: cancelProgress,
      on: {
        'resume.requested': [
          {
            guard: 'isUnsuspectedBeforeTraffic',
            target: 'shifting',
            actions: ['goOn', 'askForStep'],
            description: 'on to the first step',
          },
          {
            guard: 'isSuspectedWithTraffic',
            target: 'degraded',
            actions: ['goOn', wait('progress', 'progressMs')],
            description: 'harm is still suspected',
          },
          {
            guard: 'hasTraffic',
            target: 'monitoring',
            actions: ['goOn', wait('progress', 'progressMs')],
            description: 'go on with what was left of the bake',
          },
        ],
        'promote.requested': [
          {
            guard: 'mayAdvanceToTheLast',
            target: 'shifting',
            actions: ['goOn', 'askForLastStep'],
            description: 'skip all steps but the last',
          },
          {
            guard: 'mayAdvance',
            target: 'shifting',
            actions: ['goOn', 'askForNextStep'],
            description: 'on to the next step',
          },
        ],
        'weight.requested': {
          guard: 'maySetWeight',
          target: 'shifting',
          actions: 'askForRequested',
          description: 'a person sets the weight',
        },
      },
    },

    promoting,
    retiring,
    'rolling-back': returning,
    frozen,
    ...ends,
  },
})

export const canary = strategy(canaryMachine, { name: 'canary', version: 1, ...releaseReading })
