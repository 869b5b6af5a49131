import type { MetricsSnapshot } from '../../src/analysis/sample.ts'
import type { Canvas } from '../../src/cli/view/render.ts'
import type { RolloutView } from '../../src/engine/view.ts'
import { weight } from '../../src/units.ts'

const STARTED = Date.parse('2026-01-02T03:04:05Z')

export function seen(requests: number, errors: number, p99 = 12.4): MetricsSnapshot {
  return {
    requests,
    errors,
    errorRate: requests === 0 ? null : errors / requests,
    latency: { p50: 3.7, p90: 8, p99 },
    windowMs: 1_000,
  }
}

/** A canary in the middle of its third step. */
export function viewOf(changes: Partial<RolloutView> = {}): RolloutView {
  return {
    id: 'shop-2',
    service: 'shop',
    strategy: 'canary',
    version: 'v2',
    stable: 'v1',
    state: 'monitoring',
    status: 'active',
    parked: null,
    outcome: null,
    split: [
      { version: 'v1', weight: weight(75) },
      { version: 'v2', weight: weight(25) },
    ],
    step: { index: 3, of: 5, bakeMs: 30_000, observedMs: 12_000 },
    verdict: { kind: 'pass' },
    current: seen(251, 1),
    baseline: seen(749, 0),
    parent: null,
    startedAt: new Date(STARTED).toISOString(),
    endedAt: null,
    requests: { total: 41_212, failed: 0, versions: [], complete: true },
    steps: [],
    healthChecks: { passed: 40, failed: 0 },
    details: {},
    ...changes,
  }
}

/** An ended one. */
export function endedAs(outcome: RolloutView['outcome'], changes: Partial<RolloutView> = {}): RolloutView {
  return viewOf({
    status: 'ended',
    state: outcome?.status ?? 'promoted',
    outcome,
    endedAt: new Date(STARTED + 63_000).toISOString(),
    ...changes,
  })
}

export function canvasOf(changes: Partial<Canvas> = {}): Canvas {
  return { width: 80, unicode: true, paint: (_, text) => text, now: STARTED + 41_000, ...changes }
}
