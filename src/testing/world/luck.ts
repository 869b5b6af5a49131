import fc from 'fast-check'

/** Luck for a world: long enough for a rollout with all that can happen to it, shrinking towards a world that is kind. */
export function luck(): fc.Arbitrary<readonly number[]> {
  return fc.array(fc.nat(9_999), { maxLength: 600, size: 'max' })
}
