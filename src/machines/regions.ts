// The regions that a canary and a blue-green release share. Each is a piece of statechart, placed by the strategy's own
// file, which decides what leads into it.
import { newVersion, release, shift } from './release-words.ts'
import { cancelDeadline, cancelProgress, wait } from './timing.ts'

/**
 * What happens in any state that does not say otherwise: harm takes everything back, and the first sign of it is
 * remembered, because those who watch only say what has changed.
 */
export const always = {
  'abort.requested': {
    guard: 'mayReturn',
    target: '.rolling-back',
    actions: 'keepReason',
    description: 'a person says so',
  },
  'analysis.concluded': [
    {
      guard: 'isHarmAndBound',
      target: '.frozen',
      actions: ['keepReason', 'suspect'],
      description: 'harm, but no way back',
    },
    { guard: 'isHarm', target: '.rolling-back', actions: 'keepReason', description: 'conclusive harm' },
    { guard: 'isNewlySuspicious', actions: 'suspect', description: 'the analysis suspects harm' },
    { guard: 'clears', actions: 'trust', description: 'the analysis no longer suspects it' },
  ],
  'probe.concluded': [
    {
      guard: 'isHarmAndBound',
      target: '.frozen',
      actions: ['keepReason', 'suspect'],
      description: 'unhealthy, but no way back',
    },
    { guard: 'isHarm', target: '.rolling-back', actions: 'keepReason', description: 'unhealthy' },
    { guard: 'isNewlySuspicious', actions: 'suspect', description: 'a first failed probe' },
    { guard: 'clears', actions: 'trust', description: 'healthy again' },
  ],
  'version.exited': [
    {
      guard: 'isHarmAndBound',
      target: '.frozen',
      actions: 'keepReason',
      description: 'died, but no way back',
    },
    { guard: 'isHarm', target: '.rolling-back', actions: 'keepReason', description: 'an instance died' },
  ],
  'claim.lost': {
    target: '.superseded',
    actions: 'keepReason',
    description: 'someone else took the service',
  },
} as const

/** What becomes of a change of traffic that the router refuses, or does not confirm in time. */
export const unanswered = {
  'traffic.rejected': [
    {
      guard: 'isCurrentAndBound',
      target: 'frozen',
      actions: 'keepReason',
      description: 'the router refused, but no way back',
    },
    { guard: 'isCurrent', target: 'rolling-back', actions: 'keepReason', description: 'the router refused' },
  ],
  'deadline.elapsed': [
    {
      guard: 'isBound',
      target: 'frozen',
      actions: 'keepReason',
      description: 'never confirmed, but no way back',
    },
    { target: 'rolling-back', actions: 'keepReason', description: 'never confirmed' },
  ],
} as const

export const staging = release.createStateConfig({
  description: 'The new version is started and proved healthy; no traffic has moved.',
  entry: [{ type: 'startVersion', params: newVersion }, wait('deadline', 'stagingMs')],
  exit: cancelDeadline,
  on: {
    'version.failed': {
      guard: 'isOurs',
      target: 'rolling-back',
      actions: 'keepReason',
      description: 'it can not be run',
    },
    'deadline.elapsed': { target: 'rolling-back', actions: 'keepReason', description: 'never healthy' },
    'pause.requested': { guard: 'isAuto', actions: 'hold', description: 'stay once it is healthy' },
    'resume.requested': { guard: 'isHeld', actions: 'goOn', description: 'do not stay after all' },
  },
})

export const shifting = release.createStateConfig({
  description: 'A weight was asked for and is not yet confirmed by the router.',
  entry: [{ type: 'shiftTraffic', params: shift }, cancelProgress, wait('deadline', 'shiftingMs')],
  exit: cancelDeadline,
  on: {
    'traffic.shifted': [
      { guard: 'isInForceAndHeld', target: 'paused', description: 'in force, and a person wants it to stay' },
      {
        guard: 'isInForceAndSuspected',
        target: 'degraded',
        actions: wait('progress', 'progressMs'),
        description: 'in force, and harm is suspected',
      },
      {
        guard: 'isInForce',
        target: 'monitoring',
        actions: wait('progress', 'progressMs'),
        description: 'in force',
      },
    ],
    ...unanswered,
    'pause.requested': { guard: 'isAuto', actions: 'hold', description: 'stay once the weight is in force' },
    'resume.requested': { guard: 'isHeld', actions: 'goOn', description: 'do not stay after all' },
  },
})

export const degraded = release.createStateConfig({
  description:
    'Harm is suspected: the weight is frozen until the suspicion recedes, becomes harm, or lasts too long.',
  entry: wait('deadline', 'degradedMs'),
  exit: cancelDeadline,
  on: {
    'analysis.concluded': [
      {
        guard: 'clearsTheLastAndHeld',
        target: 'paused',
        actions: 'trust',
        description: 'it receded, and a person wants it to stay',
      },
      { guard: 'clearsTheLast', target: 'monitoring', actions: 'trust', description: 'it receded' },
      { guard: 'clears', actions: 'trust', description: 'the analysis no longer suspects it' },
      { guard: 'isSuspicious', actions: 'suspect', description: 'the analysis suspects it' },
    ],
    'probe.concluded': [
      {
        guard: 'clearsTheLastAndHeld',
        target: 'paused',
        actions: 'trust',
        description: 'healthy again, and a person wants it to stay',
      },
      { guard: 'clearsTheLast', target: 'monitoring', actions: 'trust', description: 'healthy again' },
      { guard: 'clears', actions: 'trust', description: 'the probe no longer suspects it' },
      { guard: 'isSuspicious', actions: 'suspect', description: 'the probe suspects it' },
    ],
    'deadline.elapsed': [
      {
        guard: 'isBound',
        target: 'frozen',
        actions: 'keepSuspicion',
        description: 'never resolved, but no way back',
      },
      { target: 'rolling-back', actions: 'keepSuspicion', description: 'never resolved' },
    ],
    'progress.elapsed': {
      actions: ['hold', 'reportSilence'],
      description: 'not enough evidence for too long: stay once the suspicion is resolved',
    },
    'pause.requested': { actions: 'hold', description: 'stay once the suspicion is resolved' },
    'resume.requested': {
      guard: 'isHeld',
      actions: ['goOn', wait('progress', 'progressMs')],
      description: 'do not stay after all',
    },
  },
})

export const frozen = release.createStateConfig({
  description:
    'Harm by a version that can not be undone: the weight stays as it is, and a person has to decide.',
  entry: [
    cancelProgress,
    {
      type: 'page',
      params: ({ context: { plan, reason } }) => ({
        message: `${plan.version} is not reversible, and a person has to decide: ${reason ?? 'unknown'}`,
      }),
    },
  ],
  on: {
    'analysis.concluded': [
      { guard: 'isNewlyBad', actions: 'suspect', description: 'still doing harm' },
      { guard: 'clears', actions: 'trust', description: 'the analysis no longer suspects it' },
    ],
    'probe.concluded': [
      { guard: 'isNewlyBad', actions: 'suspect', description: 'still unhealthy' },
      { guard: 'clears', actions: 'trust', description: 'healthy again' },
    ],
    'version.exited': {},
    'resume.requested': {
      target: 'shifting',
      actions: ['goOn', 'askForTheSame'],
      description: 'a person takes the risk: the weight is read back and watched again',
    },
  },
})

/** The four ends of every release. */
export const ends = {
  promoted: release.createStateConfig({
    id: 'promoted',
    type: 'final',
    description: 'All traffic is on the new version, read back from the router.',
  }),
  'rolled-back': release.createStateConfig({
    id: 'rolled-back',
    type: 'final',
    description: 'All traffic is on stable, read back from the router.',
  }),
  failed: release.createStateConfig({
    id: 'failed',
    type: 'final',
    description: 'A first release was given up; the service is routed nowhere.',
  }),
  superseded: release.createStateConfig({
    id: 'superseded',
    type: 'final',
    description: 'Someone else took the service; this release touches nothing any more.',
  }),
}
