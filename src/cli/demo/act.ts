import type { Duration } from '../../units.ts'

/** One release of the demo. */
export interface Act {
  readonly title: string
  readonly strategy: 'canary' | 'blue-green'
  readonly version: string
  /** The version that serves before anything is released: adopted by the first act. */
  readonly stableVersion?: string
  /** In percent; of a canary only. */
  readonly steps: readonly number[]
  /** How long each step is watched. */
  readonly bake: Duration
  /** Whether its controller is killed in the middle, and another goes on. */
  readonly isKilled: boolean
  readonly expected: 'promoted' | 'rolled-back'
}

/** What a controller process is told, as its one argument. */
export interface Orders {
  readonly stateDir: string
  readonly act: Act
}

/** What a controller process says, a line of JSON each: where it can be asked, and how its release ended. */
export type Report =
  | { readonly type: 'ready'; readonly url: string }
  | { readonly type: 'ended'; readonly rollout: string }

/** The service that the demo releases. */
export const SERVICE = 'shop'

/** What is shown: a good version, a bad one, and a swap. */
export function actsOf(isFast: boolean): readonly Act[] {
  const bake: Duration = isFast ? '1s' : '3s'
  return [
    {
      title: 'A canary of v2, step by step. Its controller is killed in the middle, and another one goes on.',
      strategy: 'canary',
      version: 'v2',
      stableVersion: 'v1',
      steps: isFast ? [10, 50, 90] : [10, 25, 50, 90],
      bake,
      isKilled: true,
      expected: 'promoted',
    },
    {
      title: 'A canary of v3, which fails one request in five and is slow.',
      strategy: 'canary',
      version: 'v3',
      steps: [20, 50],
      bake,
      isKilled: false,
      expected: 'rolled-back',
    },
    {
      title: 'A blue-green release of v4: all traffic is swapped in one step, under load.',
      strategy: 'blue-green',
      version: 'v4',
      steps: [],
      bake,
      isKilled: false,
      expected: 'promoted',
    },
  ]
}
