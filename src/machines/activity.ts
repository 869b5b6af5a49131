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
    }

export function probing(version: string): Activity {
  return { kind: 'probe', key: `probe ${version}`, version }
}

export function analysing(version: string, baseline: string | null, generation: Generation): Activity {
  const key = `analysis ${version} ${generation.claim}.${generation.n}`
  return { kind: 'analysis', key, version, baseline, generation }
}
