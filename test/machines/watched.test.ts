// Those who watch only say what is new: whoever is watched has to be heard, or it is lost.
import { expect, test } from 'vitest'
import type { AnyMachineSnapshot } from 'xstate'

import type { RolloutEvent } from '../../src/events/rollout-event.ts'
import { type Activity, pathOf } from '../../src/machines/index.ts'
import { explore } from '../../src/testing/explore.ts'
import { type Case, cases, releases } from './cases.ts'

type Severity = 'doubt' | 'harm'

/** What is said of something that is watched, when it is not well. */
function told(activity: Activity, severity: Severity): RolloutEvent {
  if (activity.kind === 'probe') {
    const health = severity === 'harm' ? 'unhealthy' : 'suspect'
    return { type: 'probe.concluded', version: activity.version, health, reason: 'refused' }
  }
  const { generation } = activity
  const reason = 'too many'
  const seen = { suspicion: 'raised', current: null, baseline: null, observedMs: 0 } as const
  return {
    type: 'analysis.concluded',
    generation,
    verdict:
      severity === 'harm'
        ? { kind: 'fail', check: 'error-rate', reason }
        : { kind: 'inconclusive', cause: 'underpowered', reason },
    ...seen,
  }
}

function suspects({ context }: AnyMachineSnapshot, { kind }: Activity): boolean {
  const known: unknown = context.suspects
  return Array.isArray(known) && known.includes(kind)
}

/** Where something is watched, and what is said of it comes to nothing. */
function deaf(
  { strategy, input, cast }: Case,
  severity: Severity,
  isHeard: (after: AnyMachineSnapshot, before: AnyMachineSnapshot, activity: Activity) => boolean,
): readonly string[] {
  const lost = explore(strategy, { input, cast }).places.flatMap(({ snapshot }) =>
    strategy
      .activitiesOf(snapshot)
      .filter((activity) => !suspects(snapshot, activity))
      .filter(
        (activity) =>
          !isHeard(strategy.step(snapshot, told(activity, severity)).snapshot, snapshot, activity),
      )
      .map(({ kind }) => `${pathOf(snapshot.value)}: ${kind}`),
  )
  return [...new Set(lost)]
}

test.each(cases)('in every state of a $name, harm that is watched for is heard', (one) => {
  expect(deaf(one, 'harm', (after, before) => after.context !== before.context)).toEqual([])
})

test.each(releases)('in every state of a $name, the first sign of harm is remembered', (one) => {
  expect(deaf(one, 'doubt', (after, _, activity) => suspects(after, activity))).toEqual([])
})
