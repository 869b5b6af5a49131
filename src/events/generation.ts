/**
 * The age of an intent about one service's traffic: `claim` is handed out by the service's record whenever a rollout or
 * a rollback takes the service, `n` is counted by the machine that holds the claim. A router refuses what is older.
 */
export interface Generation {
  readonly claim: number
  readonly n: number
}

/** Negative when `a` is older than `b`, zero when they are the same, positive when `a` is newer. */
export function compareGenerations(a: Generation, b: Generation): number {
  return a.claim - b.claim || a.n - b.n
}
