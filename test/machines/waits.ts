// What every state waits for. A state that waits for the world has an alarm of the controller's own clock; the others are
// those where a person decides, and those where a child, which has alarms of its own, is waited for.
import type { TimerName } from '../../src/events/rollout-event.ts'
import type { StrategyName } from '../../src/machines/index.ts'

export type Wait = readonly TimerName[] | 'a person' | 'a child'

const goingBack: Readonly<Record<string, Wait>> = {
  'rolling-back.returning': ['retry', 'budget'],
  'rolling-back.stranded': ['retry'],
  'rolling-back.draining': ['deadline'],
  'rolling-back.stopping': ['deadline'],
}

const retiring: Readonly<Record<string, Wait>> = {
  'retiring.waiting': ['retire'],
  'retiring.draining': ['deadline'],
  'retiring.stopping': ['deadline'],
}

const release: Readonly<Record<string, Wait>> = {
  staging: ['deadline'],
  shifting: ['deadline'],
  monitoring: ['progress'],
  degraded: ['deadline'],
  paused: 'a person',
  frozen: 'a person',
  ...retiring,
  ...goingBack,
}

export const waits: { readonly [S in StrategyName]: Readonly<Record<string, Wait>> } = {
  canary: { ...release, promoting: ['deadline'] },
  'blue-green': { ...release, staged: 'a person', live: 'a person' },
  rollback: {
    'returning.asking': ['retry', 'budget'],
    'returning.stranded': ['retry'],
    staging: ['deadline'],
    withdrawing: ['deadline'],
    'routing.asking': ['retry', 'budget'],
    'routing.stranded': ['retry'],
    verifying: ['deadline'],
    'cleaning.draining': ['deadline'],
    'cleaning.stopping': ['deadline'],
  },
  smoke: { verifying: ['budget'] },
  pipeline: {
    deploying: 'a child',
    aborting: 'a child',
    verifying: 'a child',
    frozen: 'a person',
    ...retiring,
    'rolling-back.undoing': ['budget'],
    'rolling-back.stranded': 'a child',
  },
}
