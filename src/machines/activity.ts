import type { Generation } from '../events/generation.ts'

/**
 * Something that is to be watched for as long as a rollout is where it is. Plain data: the same key goes on, another key
 * starts afresh, and after a crash the same question gives the same answer. There is no start and no stop.
 */
export type Activity =
  | { readonly kind: 'probe'; readonly key: string; readonly version: string }
  | {
      readonly kind: 'analysis'
      readonly key: string
      /** The version that is judged. */
      readonly version: string
      /** The version it is compared with, at the same moment; null when nothing serves beside it. */
      readonly baseline: string | null
      /** The split that is judged; verdicts name it. */
      readonly generation: Generation
      /** Whether what is seen counts towards a bake. It may change while the same is judged. */
      readonly isBaking: boolean
    }

type Analysing = Extract<Activity, { kind: 'analysis' }>

export function probing(version: string): Activity {
  return { kind: 'probe', key: `probe ${version}`, version }
}

export function analysing(what: Omit<Analysing, 'kind' | 'key'>): Activity {
  const { version, generation } = what
  return { kind: 'analysis', key: `analysis ${version} ${generation.claim}.${generation.n}`, ...what }
}
