import { type Check, errorRate, latency } from '../analysis/checks.ts'
import type { Duration } from '../units.ts'

/** What holds where a file says nothing: the defaults of the options, held against them by a test. */
export const STANDARD = {
  healthCheckInterval: '5s',
  healthCheckThreshold: 3,
  validationDuration: '30s',
  monitoringDuration: '30s',
  trafficSteps: [5, 10, 25, 50, 100],
  window: '1s',
  stagingTimeout: '5m',
  shiftTimeout: '30s',
  progressDeadline: '30m',
  degradedTimeout: '1m',
  retireAfter: '0s',
  drainTimeout: '30s',
  rollbackDrainTimeout: '5s',
  returnBudget: '1m',
} as const satisfies Readonly<Record<string, Duration | number | readonly number[]>>

export const STANDARD_CHECKS: Readonly<Record<'canary' | 'blue-green', readonly Check[]>> = {
  canary: [errorRate({ max: 0.05, aboveBaseline: 0.01 }), latency({ timesBaseline: 2, required: false })],
  'blue-green': [errorRate({ max: 0.05, required: false })],
}
