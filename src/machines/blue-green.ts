// The blue-green machine: two environments, one of them live. The new version is staged in the idle one, all traffic is
// swapped in one change, and the old environment stays warm until the new one has been healthy for its whole bake.
//
// What it shares with a canary is in `regions.ts`, `promoting.ts` and `returning.ts`; its words are in `release-words.ts`.
import { retiring } from './promoting.ts'
import { always, degraded, ends, frozen, shifting, staging } from './regions.ts'
import { begin } from './release-context.ts'
import { releaseReading } from './release-reading.ts'
import { release } from './release-words.ts'
import { returning } from './returning.ts'
import { bounded, strategy } from './strategy.ts'
import { cancelProgress, wait } from './timing.ts'

export const blueGreenMachine = release.createMachine({
  id: 'blue-green',
  description:
    'Stages a new version in the idle environment, swaps all traffic to it in one change, and swaps back at once on harm.',
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
          { guard: 'isOursAndManual', target: 'staged', description: 'healthy: a person swaps' },
          {
            guard: 'isOursAndHeld',
            target: 'paused',
            description: 'healthy, and a person wants it to stay',
          },
          {
            guard: 'isOurs',
            target: 'shifting',
            actions: 'askForEverything',
            description: 'it runs and is healthy',
          },
        ],
      },
    },

    staged: {
      description: 'The new version is healthy in the idle environment, and waits for a person to swap.',
      on: {
        'swap.requested': {
          guard: 'isUnsuspected',
          target: 'shifting',
          actions: 'askForEverything',
          description: 'a person swaps',
        },
        'promote.requested': {
          guard: 'isUnsuspected',
          target: 'shifting',
          actions: 'askForEverything',
          description: 'a person does not want to wait',
        },
      },
    },

    shifting: {
      ...shifting,
      description: 'The swap was asked for and is not yet confirmed by the router.',
      on: {
        ...shifting.on,
        'traffic.shifted': [
          {
            guard: 'isInForceAndManual',
            target: 'live',
            description: 'swapped: a person says how long to watch',
          },
          ...shifting.on['traffic.shifted'],
        ],
      },
    },

    live: {
      description: 'All traffic is on the new version, the old one is warm, and a person says when to go on.',
      on: {
        'monitor.requested': [
          {
            guard: 'isSuspected',
            target: 'degraded',
            actions: ['bakeAsAsked', wait('progress', 'progressMs')],
            description: 'harm is suspected',
          },
          {
            target: 'monitoring',
            actions: ['bakeAsAsked', wait('progress', 'progressMs')],
            description: 'a person starts the bake',
          },
        ],
        'promote.requested': {
          guard: 'isUnsuspected',
          target: 'monitoring',
          actions: wait('progress', 'progressMs'),
          description: 'a person does not want to wait',
        },
      },
    },

    monitoring: {
      description:
        'The new version serves everything and is watched; observed time adds up to the bake, and the old one is warm.',
      on: {
        'analysis.concluded': [
          {
            guard: 'completesTheBakeAndRetired',
            target: 'promoted',
            actions: 'observe',
            description: 'healthy for the whole bake; nothing to retire',
          },
          {
            guard: 'completesTheBake',
            target: 'retiring',
            actions: 'observe',
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
      },
    },

    degraded,

    paused: {
      description: 'Traffic and bake are frozen until a person says so; harm still swaps back.',
      entry: cancelProgress,
      on: {
        'resume.requested': [
          {
            guard: 'isUnsuspectedBeforeTraffic',
            target: 'shifting',
            actions: ['goOn', 'askForEverything'],
            description: 'on to the swap',
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
      },
    },

    retiring,
    'rolling-back': returning,
    frozen,
    ...ends,
  },
})

export const blueGreen = strategy(blueGreenMachine, { name: 'blue-green', version: 1, ...releaseReading })
