import type { RolloutView } from '../../engine/view.ts'
import type { Act } from './act.ts'
import type { Comparison } from './compare.ts'

/** What came of one act. */
export interface ActReport {
  readonly title: string
  readonly expected: Act['expected']
  readonly controllersKilled: number
  readonly rollout: RolloutView
}

/** What the demo found out; `--json` prints it. */
export interface DemoReport {
  readonly acts: readonly ActReport[]
  /** The client's own count of its requests beside the proxy's. */
  readonly requests: Comparison
  readonly isAsExpected: boolean
}
