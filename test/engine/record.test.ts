import { describe, expect, test } from 'vitest'

import { admit, returnability } from '../../src/engine/admission.ts'
import { begun, nextId } from '../../src/engine/begin.ts'
import {
  answers,
  archived,
  freshService,
  introduced,
  isServiceRecord,
  isWarm,
  noted,
  type Revision,
  type RolloutRecord,
  type ServiceRecord,
  stabilised,
  withRollout,
} from '../../src/engine/record.ts'
import { settled } from '../../src/engine/settle.ts'
import type { RolloutSpec } from '../../src/engine/spec.ts'
import { viewOf } from '../../src/engine/views.ts'
import type { Ending } from '../../src/events/outcome.ts'
import { allTo } from '../../src/events/share.ts'
import { blueGreenSpec, canarySpec, pipelineSpec, rollbackSpec, smokeSpec } from './kit.ts'

const here = [{ instance: 'a', url: 'http://127.0.0.1:1' }]

function revision(version: string, changed: Partial<Revision> = {}): Revision {
  const { run, health } = canarySpec(version)
  return { version, run, health, reversible: true, since: 0, by: null, why: null, ...changed }
}

/** A service whose good versions were these, newest first; each still runs when it is in `warm`. */
function serviceOf(versions: readonly Revision[], warm: readonly string[] = []): ServiceRecord {
  const [newest] = versions
  const known = versions.reduce(introduced, freshService('shop'))
  return {
    ...known,
    stable: newest?.version ?? null,
    revisions: versions,
    versions: known.versions.map((each) =>
      warm.includes(each.version) ? { ...each, endpoints: here } : each,
    ),
  }
}

/** The service with a rollout that has just begun, and that rollout. */
function withBegun(
  record: ServiceRecord,
  spec: RolloutSpec,
): { record: ServiceRecord; rollout: RolloutRecord } {
  const { plan } = begun(record, spec, { id: nextId(record), parent: null, now: 1 })
  if (plan.rollout === null) throw new Error('it did not begin')
  return { record: plan.record, rollout: plan.rollout }
}

/** The service after a rollback to one of its versions, by who insists. */
function rolledBack(service: ServiceRecord, targetVersion: string): ServiceRecord {
  const { record, rollout } = withBegun(service, rollbackSpec('shop', { targetVersion, force: true }))
  const over = ending(rollout, 'rolled-back')
  return settled(withRollout(record, over), over)
}

function ending(rollout: RolloutRecord, status: Ending): RolloutRecord {
  return { ...rollout, endedAt: 2, outcome: { status, cause: null, reason: null } }
}

describe('what an event changes in the service', () => {
  const record = serviceOf([revision('v1')])

  test('a version that is ready has instances, and is healthy', () => {
    const after = noted(record, { type: 'version.ready', version: 'v1', endpoints: here })
    expect(after.versions).toMatchObject([{ version: 'v1', endpoints: here, condition: 'healthy' }])
    expect(isWarm(after, 'v1')).toBe(true)
  })

  test('a version that was stopped has none', () => {
    const ready = noted(record, { type: 'version.ready', version: 'v1', endpoints: here })
    const after = noted(ready, { type: 'version.stopped', version: 'v1' })
    expect(after.versions).toMatchObject([{ version: 'v1', endpoints: [], condition: 'unknown' }])
    expect(isWarm(after, 'v1')).toBe(false)
  })

  test('traffic that was shifted is where it is now', () => {
    const generation = { claim: 3, n: 4 }
    const after = noted(record, { type: 'traffic.shifted', generation, split: allTo('v1') })
    expect(after.route).toEqual({ generation, split: allTo('v1') })
  })

  test('a confirmation that comes late says nothing about now', () => {
    const now = { type: 'traffic.shifted', generation: { claim: 3, n: 4 }, split: allTo('v1') } as const
    const after = noted(record, now)
    for (const generation of [
      { claim: 3, n: 3 },
      { claim: 2, n: 9 },
    ]) {
      expect(noted(after, { ...now, generation, split: allTo('v2') })).toBe(after)
    }
  })

  test('a deployment of somebody else is known until it is no longer', () => {
    const known = { id: 'x', strategy: 'helm', version: 'v9' }
    const once = noted(record, { type: 'deployment.tracked', ...known })
    const twice = noted(once, { type: 'deployment.tracked', ...known, version: 'v10' })
    expect(twice.tracked).toEqual([{ ...known, version: 'v10' }])
    expect(noted(twice, { type: 'deployment.untracked', id: 'x' }).tracked).toEqual([])
  })

  test('what people ask for, and what is not known, changes nothing', () => {
    expect(noted(record, { type: 'pause.requested' })).toBe(record)
    expect(noted(record, { type: 'version.ready', version: 'nobody', endpoints: here }).versions).toEqual(
      record.versions,
    )
  })
})

describe('the end of a rollout', () => {
  test.each(['promoted', 'rolled-back', 'superseded', 'failed'] as const)(
    'of a canary that is %s gives the lock back, and makes a version stable only when it was promoted',
    (status) => {
      const { record, rollout } = withBegun(serviceOf([revision('v1')], ['v1']), canarySpec('v2'))
      expect(record.lock).toBe(rollout.id)
      const after = settled(withRollout(record, ending(rollout, status)), ending(rollout, status))
      expect(after.lock).toBeNull()
      expect(after.stable).toBe(status === 'promoted' ? 'v2' : 'v1')
      expect(after.rollouts).toEqual([])
      expect(after.ended).toMatchObject([{ id: rollout.id, outcome: { status } }])
    },
  )

  test('changes the live colour when a blue-green release was promoted', () => {
    const { record, rollout } = withBegun(serviceOf([revision('v1')]), blueGreenSpec('v2'))
    const first = settled(withRollout(record, ending(rollout, 'promoted')), ending(rollout, 'promoted'))
    expect(first.live).toBe('blue')
    const next = withBegun(first, blueGreenSpec('v3'))
    const over = ending(next.rollout, 'promoted')
    expect(settled(withRollout(next.record, over), over).live).toBe('green')
    const lost = ending(next.rollout, 'rolled-back')
    expect(settled(withRollout(next.record, lost), lost).live).toBe('blue')
  })

  test('does not give back a lock that someone else has taken', () => {
    const first = withBegun(serviceOf([revision('v1')], ['v1']), canarySpec('v2'))
    const second = withBegun(first.record, rollbackSpec('shop', { targetVersion: 'v1' }))
    const over = ending(first.rollout, 'superseded')
    expect(settled(withRollout(second.record, over), over).lock).toBe(second.rollout.id)
  })

  test('of a rollback makes its target stable, and what it left is gone back to by name only', () => {
    const service = serviceOf([revision('v3'), revision('v2', { reversible: false }), revision('v1')], ['v3'])
    const after = rolledBack(service, 'v2')
    expect(after.stable).toBe('v2')
    expect(after.revisions.map(({ version }) => version)).toEqual(['v3', 'v2', 'v1'])
    expect(returnability(after, null, true)).toEqual({ kind: 'restorable', target: 'v1' })
    expect(returnability(after, 'v3')).toEqual({ kind: 'warm', target: 'v3' })
    expect(rolledBack(after, 'v3').stable).toBe('v3')
    expect(returnability(rolledBack(after, 'v3'), null)).toEqual({ kind: 'restorable', target: 'v2' })
  })

  test('of a release after a rollback has what was stable before it as its way back', () => {
    const service = rolledBack(serviceOf([revision('v2', { reversible: false }), revision('v1')]), 'v1')
    const after = stabilised(service, revision('v3'))
    expect(returnability(after, null)).toEqual({ kind: 'restorable', target: 'v1' })
    expect(returnability(after, 'v2')).toEqual({ kind: 'restorable', target: 'v2' })
  })

  test('of a rollback that failed changes nothing that was good', () => {
    const service = serviceOf([revision('v2'), revision('v1')])
    const { record, rollout } = withBegun(service, rollbackSpec('shop', { targetVersion: 'v1' }))
    const over = ending(rollout, 'failed')
    expect(settled(withRollout(record, over), over)).toMatchObject({ stable: 'v2', lock: null })
  })

  test('of a child waits for its parent', () => {
    const { record, rollout } = withBegun(serviceOf([revision('v1')]), pipelineSpec('v2'))
    const id = `${rollout.id}/deploy/1`
    const { plan } = begun(record, blueGreenSpec('v2'), {
      id,
      parent: { id: rollout.id, slot: 'deploy', run: 1 },
      now: 1,
    })
    const child = ending(plan.rollout ?? rollout, 'promoted')
    const after = settled(withRollout(plan.record, child), child)
    expect(after).toMatchObject({ stable: 'v1', lock: rollout.id, ended: [] })
    expect(after.rollouts.map((each) => each.id).toSorted()).toEqual([rollout.id, id])
    const over = ending(rollout, 'promoted')
    expect(settled(withRollout(after, over), over)).toMatchObject({ stable: 'v2', lock: null, rollouts: [] })
  })
})

describe('the archive', () => {
  test('keeps the newest five, with their children', () => {
    const { record, rollout } = withBegun(serviceOf([revision('v1')]), pipelineSpec('v2'))
    const view = viewOf(record, rollout)
    let full = record
    for (let n = 1; n <= 8; n++) {
      const family = [`r-${n}`, `r-${n}/deploy/1`].map((id) => ({
        ...view,
        id,
        parent: id.includes('/') ? `r-${n}` : null,
      }))
      full = archived(full, `r-${n}`, family)
    }
    expect(full.ended.map(({ id }) => id)).toEqual(
      [8, 7, 6, 5, 4].flatMap((n) => [`r-${n}`, `r-${n}/deploy/1`]),
    )
  })

  test('keeps twenty revisions, and forgets versions that neither run nor can be gone back to', () => {
    let record = freshService('shop')
    for (let n = 1; n <= 25; n++) {
      const made = revision(`v${n}`)
      record = stabilised(introduced(record, made), made)
    }
    expect(record.revisions).toHaveLength(20)
    expect(record.versions.map(({ version }) => version)).toEqual(
      Array.from({ length: 20 }, (_, i) => `v${i + 6}`),
    )
  })
})

describe('whether a service can go back', () => {
  const service = serviceOf([revision('v3'), revision('v2'), revision('v1')], ['v3', 'v2'])

  test('to a version that still runs: at once', () => {
    expect(returnability(service, null)).toEqual({ kind: 'warm', target: 'v2' })
  })

  test('to one that was retired: after starting it', () => {
    expect(returnability(service, 'v1')).toEqual({ kind: 'restorable', target: 'v1' })
  })

  test.each([
    { to: 'a version that was never good', record: service, target: 'v9', reason: /never a good version/ },
    { to: 'the stable version itself', record: service, target: 'v3', reason: /already the stable version/ },
    {
      to: 'before the first one',
      record: serviceOf([revision('v1')]),
      target: null,
      reason: /no earlier version/,
    },
    { to: 'nothing at all', record: freshService('shop'), target: null, reason: /no earlier version/ },
  ])('not to $to, and why', ({ record, target, reason }) => {
    expect(returnability(record, target)).toMatchObject({
      kind: 'no',
      reason: expect.stringMatching(reason),
    })
  })

  test('not past a version that can not be undone, unless somebody insists', () => {
    const bound = serviceOf([revision('v3', { reversible: false }), revision('v2')], ['v2'])
    expect(returnability(bound, 'v2')).toEqual({ kind: 'no', reason: 'v3 is not reversible' })
    expect(returnability(bound, 'v2', true)).toEqual({ kind: 'warm', target: 'v2' })
  })

  test('from a release that is going on: to what is stable', () => {
    const { record } = withBegun(service, canarySpec('v4'))
    expect(returnability(record, null)).toEqual({ kind: 'warm', target: 'v3' })
  })

  test('from a release that is going on of a version that was good before: to what is stable', () => {
    const { record } = withBegun(service, canarySpec('v2'))
    expect(returnability(record, null)).toEqual({ kind: 'warm', target: 'v3' })
  })

  test('from a rollback that is going on: to where it leads', () => {
    const { record } = withBegun(service, rollbackSpec('shop', { targetVersion: 'v2' }))
    expect(returnability(record, null)).toEqual({ kind: 'warm', target: 'v2' })
  })
})

describe('a request', () => {
  const service = serviceOf([revision('v1')], ['v1'])

  test('starts where the service is free', () => {
    expect(admit(service, canarySpec('v2')).kind).toBe('start')
  })

  test('for what is stable already is refused, or joins the release that made it so', () => {
    expect(() => admit(service, canarySpec('v1'))).toThrow(/already the stable version/)
    const { record, rollout } = withBegun(freshService('shop'), canarySpec('v1'))
    const over = ending(rollout, 'promoted')
    const after = settled(withRollout(record, over), over)
    expect(admit(after, canarySpec('v1'))).toEqual({ kind: 'join', rollout: rollout.id })
    const { run } = canarySpec('v1')
    expect(admit(rolledBack(stabilised(after, revision('v2')), 'v1'), canarySpec('v1')).kind).toBe('join')
    const other = canarySpec('v1', { run: { ...run, command: ['other'] } })
    expect(() => admit(after, other)).toThrow(expect.objectContaining({ code: 'EVENT_REFUSED' }))
  })

  test('for a rollback that leads nowhere is refused with the reason', () => {
    expect(() => admit(service, rollbackSpec('shop', {}))).toThrow(
      expect.objectContaining({ code: 'ROLLBACK_IMPOSSIBLE', hint: expect.any(String) }),
    )
  })

  test('for smoke tests is never refused', () => {
    const { record } = withBegun(service, canarySpec('v2'))
    expect(admit(record, smokeSpec(['works'])).kind).toBe('start')
  })

  test('takes a new claim each time, but smoke tests take none', () => {
    const first = withBegun(service, canarySpec('v2'))
    const tests = withBegun(first.record, smokeSpec(['works']))
    const second = withBegun(tests.record, rollbackSpec('shop', { targetVersion: 'v1' }))
    expect([first, tests, second].map(({ record }) => record.claim)).toEqual([1, 1, 2])
    expect(tests.record.lock).toBe(first.rollout.id)
  })
})

describe('a stored record', () => {
  test.each([
    null,
    undefined,
    5,
    'record',
    [],
    {},
    { service: 'shop' },
    { service: 's', claim: '1', rollouts: [] },
  ])('that is none of ours is seen (%o)', (value) => {
    expect(isServiceRecord(value)).toBe(false)
  })

  test('of ours is, also as JSON', () => {
    expect(isServiceRecord(JSON.parse(JSON.stringify(freshService('shop'))))).toBe(true)
  })
})

describe('an answer', () => {
  const generation = { claim: 1, n: 2 }
  const shift = { type: 'shiftTraffic', params: { split: [], generation } } as const

  test('belongs to the command of its generation only', () => {
    expect(answers({ type: 'traffic.shifted', generation, split: [] }, shift)).toBe(true)
    expect(answers({ type: 'traffic.rejected', generation, reason: '' }, shift)).toBe(true)
    expect(answers({ type: 'traffic.shifted', generation: { claim: 1, n: 1 }, split: [] }, shift)).toBe(false)
    expect(answers({ type: 'traffic.shifted', generation: { claim: 2, n: 2 }, split: [] }, shift)).toBe(false)
  })

  test('of one attempt is none to another', () => {
    const run = { type: 'runTest', params: { test: 'works', attempt: 2, ms: 1 } } as const
    const answer = { status: 'failed', message: '', durationMs: 1 } as const
    expect(answers({ type: 'test.concluded', test: 'works', attempt: 1, answer }, run)).toBe(false)
    expect(answers({ type: 'test.concluded', test: 'works', attempt: 2, answer }, run)).toBe(true)
  })

  test('of a child is one to all that it was told', () => {
    const outcome = { status: 'promoted', cause: null, reason: null } as const
    const child = { slot: 'deploy', run: 1 } as const
    const told = { type: 'tellChild', params: { ...child, event: { type: 'pause.requested' } } } as const
    expect(answers({ type: 'child.ended', ...child, outcome }, told)).toBe(true)
  })
})
