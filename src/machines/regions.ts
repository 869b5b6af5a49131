// The regions that a canary and a blue-green release share. Each is a piece of statechart, placed by the strategy's own
// file, which decides what leads into it.
import {
  backOff,
  cancelDeadline,
  cancelRetry,
  lasting,
  newVersion,
  oldVersion,
  outlasting,
  release,
  shift,
} from './release.ts'

/** What takes a release out of any state that does not say otherwise. */
export const always = {
  'abort.requested': {
    guard: 'mayReturn',
    target: '.rolling-back',
    actions: 'keepReason',
    description: 'a person says so',
  },
  'analysis.concluded': [
    {
      guard: 'isHarmThatStays',
      target: '.frozen',
      actions: 'keepReason',
      description: 'harm, but no way back',
    },
    { guard: 'isHarm', target: '.rolling-back', actions: 'keepReason', description: 'conclusive harm' },
  ],
  'probe.concluded': [
    {
      guard: 'isHarmThatStays',
      target: '.frozen',
      actions: 'keepReason',
      description: 'unhealthy, but no way back',
    },
    { guard: 'isHarm', target: '.rolling-back', actions: 'keepReason', description: 'unhealthy' },
  ],
  'version.exited': [
    {
      guard: 'isOurExitThatStays',
      target: '.frozen',
      actions: 'keepReason',
      description: 'died, but no way back',
    },
    { guard: 'isOurExit', target: '.rolling-back', actions: 'keepReason', description: 'an instance died' },
  ],
  'claim.lost': {
    target: '.superseded',
    actions: 'keepReason',
    description: 'someone else took the service',
  },
} as const

/** Forbids what {@link always} would do, where it is already being done or can no longer be. */
const deaf = {
  'abort.requested': {},
  'analysis.concluded': {},
  'probe.concluded': {},
  'version.exited': {},
} as const

/** What becomes of a change of traffic that the router refuses, or does not confirm in time. */
const unanswered = {
  'traffic.rejected': [
    {
      guard: 'isCurrentThatStays',
      target: 'frozen',
      actions: 'keepReason',
      description: 'the router refused, but no way back',
    },
    { guard: 'isCurrent', target: 'rolling-back', actions: 'keepReason', description: 'the router refused' },
  ],
  'deadline.elapsed': [
    {
      guard: 'isIrreversible',
      target: 'frozen',
      actions: 'keepReason',
      description: 'never confirmed, but no way back',
    },
    { target: 'rolling-back', actions: 'keepReason', description: 'never confirmed' },
  ],
} as const

/** Suspicion where nobody advances by himself: it is remembered, because those who watch only say what is new. */
export const suspected = {
  'analysis.concluded': [
    { guard: 'isSuspicious', actions: 'suspect', description: 'the analysis suspects harm' },
    { guard: 'clearsASuspicion', actions: 'trust', description: 'the analysis no longer suspects' },
  ],
  'probe.concluded': [
    { guard: 'isSuspicious', actions: 'suspect', description: 'the probe suspects harm' },
    { guard: 'clearsASuspicion', actions: 'trust', description: 'the probe no longer suspects' },
  ],
} as const

export const staging = release.createStateConfig({
  description: 'The new version is started and proved healthy; no traffic has moved.',
  entry: [
    { type: 'startVersion', params: newVersion },
    { type: 'startTimer', params: lasting('deadline', 'stagingMs') },
  ],
  exit: cancelDeadline,
  on: {
    'version.failed': {
      guard: 'isOurs',
      target: 'rolling-back',
      actions: 'keepReason',
      description: 'it can not be run',
    },
    'version.exited': {
      guard: 'isOurs',
      target: 'rolling-back',
      actions: 'keepReason',
      description: 'died, and nothing has moved yet',
    },
    'deadline.elapsed': { target: 'rolling-back', actions: 'keepReason', description: 'never healthy' },
    'pause.requested': { actions: 'hold', description: 'stay at the first step' },
    'resume.requested': { actions: 'goOn', description: 'do not stay after all' },
  },
})

export const shifting = release.createStateConfig({
  description: 'The weight of the step was asked for and is not yet confirmed by the router.',
  entry: [
    { type: 'shiftTraffic', params: shift },
    { type: 'startTimer', params: lasting('deadline', 'shiftingMs') },
    { type: 'startTimer', params: lasting('progress', 'progressMs') },
  ],
  exit: cancelDeadline,
  on: {
    'traffic.shifted': [
      { guard: 'isCurrentAndHeld', target: 'paused', description: 'in force, and a person wants it to stay' },
      { guard: 'isCurrentAndSuspected', target: 'degraded', description: 'in force, and harm is suspected' },
      { guard: 'isCurrent', target: 'monitoring', description: 'in force' },
    ],
    ...unanswered,
    'probe.concluded': suspected['probe.concluded'],
    'pause.requested': { actions: 'hold', description: 'stay once the weight is in force' },
    'resume.requested': { actions: 'goOn', description: 'do not stay after all' },
  },
})

export const degraded = release.createStateConfig({
  description:
    'Harm is suspected: the weight is frozen until the suspicion recedes, becomes harm, or lasts too long.',
  entry: { type: 'startTimer', params: lasting('deadline', 'degradedMs') },
  exit: cancelDeadline,
  on: {
    'analysis.concluded': [
      {
        guard: 'clearsTheLastSuspicionAndHeld',
        target: 'paused',
        actions: 'trust',
        description: 'it receded, but a person is needed',
      },
      { guard: 'clearsTheLastSuspicion', target: 'monitoring', actions: 'trust', description: 'it receded' },
      { guard: 'clearsASuspicion', actions: 'trust', description: 'the analysis no longer suspects' },
      { guard: 'isSuspicious', actions: 'suspect', description: 'the analysis suspects too' },
    ],
    'probe.concluded': [
      {
        guard: 'clearsTheLastSuspicionAndHeld',
        target: 'paused',
        actions: 'trust',
        description: 'healthy again, but a person is needed',
      },
      {
        guard: 'clearsTheLastSuspicion',
        target: 'monitoring',
        actions: 'trust',
        description: 'healthy again',
      },
      { guard: 'clearsASuspicion', actions: 'trust', description: 'the probe no longer suspects' },
      { guard: 'isSuspicious', actions: 'suspect', description: 'the probe suspects too' },
    ],
    'deadline.elapsed': [
      {
        guard: 'isIrreversible',
        target: 'frozen',
        actions: 'keepSuspicion',
        description: 'unresolved, no way back',
      },
      { target: 'rolling-back', actions: 'keepSuspicion', description: 'never resolved' },
    ],
    'progress.elapsed': { actions: ['hold', 'reportSilence'], description: 'no step forward for too long' },
    'pause.requested': { actions: 'hold', description: 'stay once the suspicion has receded' },
  },
})

export const promoting = release.createStateConfig({
  description: 'The last bake was healthy: everything is asked for, and read back, before anyone is told.',
  entry: [
    { type: 'shiftTraffic', params: shift },
    { type: 'startTimer', params: lasting('deadline', 'shiftingMs') },
  ],
  exit: cancelDeadline,
  on: {
    'traffic.shifted': [
      {
        guard: 'confirmsEverythingAndRetired',
        target: 'promoted',
        description: 'in force; nothing to retire',
      },
      { guard: 'confirmsEverything', target: 'retiring', description: 'in force' },
    ],
    ...unanswered,
  },
})

export const retiring = release.createStateConfig({
  description:
    'All traffic is on the new version; the old one stays warm for a while, is drained, and is stopped.',
  initial: 'waiting',
  states: {
    waiting: {
      description: 'The old version is warm: going back takes one change of traffic.',
      entry: { type: 'startTimer', params: lasting('retire', 'retireMs') },
      exit: { type: 'cancelTimer', params: { timer: 'retire' } },
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
          params: ({ context }) => ({ ...oldVersion({ context }), ms: context.drainMs }),
        },
        { type: 'startTimer', params: outlasting('drainMs') },
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
      entry: [
        { type: 'stopVersion', params: oldVersion },
        { type: 'startTimer', params: outlasting('drainMs') },
      ],
      exit: cancelDeadline,
      on: {
        ...deaf,
        'version.stopped': { guard: 'isOldVersions', target: '#promoted', description: 'it is gone' },
        'deadline.elapsed': { target: '#promoted', description: 'no answer: traffic is where it belongs' },
      },
    },
  },
})

export const returning = release.createStateConfig({
  description:
    'All traffic goes back to stable. It ends only when the router was read back, and it never gives up.',
  initial: 'returning',
  entry: { type: 'startTimer', params: lasting('budget', 'returnBudgetMs') },
  exit: { type: 'cancelTimer', params: { timer: 'budget' } },
  on: deaf,
  states: {
    returning: {
      description: 'The return was asked for and is not yet confirmed.',
      entry: [
        'askForNothing',
        { type: 'shiftTraffic', params: shift },
        { type: 'startTimer', params: backOff },
      ],
      exit: cancelRetry,
      on: {
        'traffic.shifted': {
          guard: 'confirmsReturn',
          target: 'draining',
          description: 'read back: all on stable',
        },
        'retry.elapsed': { target: 'returning', reenter: true, description: 'ask again' },
        'budget.elapsed': { target: 'stranded', description: 'the time for it is spent' },
      },
    },
    stranded: {
      description: 'Traffic could not be taken back in time: people are called, and it is tried for ever.',
      entry: [
        'askForNothing',
        { type: 'shiftTraffic', params: shift },
        { type: 'startTimer', params: backOff },
        {
          type: 'page',
          params: ({ context }) => ({
            message: `Traffic of ${context.version} could not be taken back yet: ${context.reason ?? 'unknown'}`,
          }),
        },
      ],
      exit: cancelRetry,
      on: {
        'traffic.shifted': { guard: 'confirmsReturn', target: 'draining', description: 'read back at last' },
        'retry.elapsed': { target: 'stranded', reenter: true, description: 'ask again' },
      },
    },
    draining: {
      description: 'All traffic is on stable; what is still open on the new version ends or is cut.',
      entry: [
        {
          type: 'drainVersion',
          params: ({ context }) => ({ version: context.version, ms: context.rollbackDrainMs }),
        },
        { type: 'startTimer', params: outlasting('rollbackDrainMs') },
      ],
      exit: cancelDeadline,
      on: {
        'traffic.drained': { guard: 'isOurs', target: 'stopping', description: 'nothing is open any more' },
        'deadline.elapsed': { target: 'stopping', description: 'no answer: stop it anyway' },
      },
    },
    stopping: {
      description: 'The new version is being stopped.',
      entry: [
        { type: 'stopVersion', params: newVersion },
        { type: 'startTimer', params: outlasting('rollbackDrainMs') },
      ],
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

export const frozen = release.createStateConfig({
  description:
    'Harm by a version that can not be undone: the weight stays as it is, and a person has to decide.',
  entry: {
    type: 'page',
    params: ({ context }) => ({
      message: `${context.version} is not reversible, and a person has to decide: ${context.reason ?? 'unknown'}`,
    }),
  },
  on: {
    'analysis.concluded': {},
    'probe.concluded': {},
    'version.exited': {},
    'resume.requested': {
      target: 'shifting',
      actions: ['goOn', 'forgive', 'askAgain'],
      description: 'a person takes the risk; what is in force is made sure of first',
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
