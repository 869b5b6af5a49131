/** Why there is no verdict yet. Only `underpowered` may ever advance at the maximum bake. */
export type InconclusiveCause = 'no-traffic' | 'underpowered' | 'baseline-unhealthy' | 'sample-ratio'

/** The judgement of one analysis: never a boolean, because "we could not tell" must not read as "good". */
export type Verdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'fail'; readonly check: string; readonly reason: string }
  | { readonly kind: 'inconclusive'; readonly cause: InconclusiveCause; readonly reason: string }
  | { readonly kind: 'error'; readonly reason: string }

/**
 * What a window did to the suspicion of harm: `raised` crossed the warning line, `cleared` went back under it,
 * `unchanged` says nothing new (hysteresis: the two lines lie apart).
 */
export type Suspicion = 'raised' | 'unchanged' | 'cleared'
