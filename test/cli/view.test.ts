import { describe, expect, test } from 'vitest'

import { widthOf } from '../../src/cli/text.ts'
import { changesOf, heartbeatOf } from '../../src/cli/view/changes.ts'
import { type Paint, renderRollouts } from '../../src/cli/view/render.ts'
import { isTerminal, Lines } from '../../src/cli/view/screen.ts'
import type { RolloutView, VersionLedger } from '../../src/engine/view.ts'
import { weight } from '../../src/units.ts'
import { canvasOf, endedAs, seen, viewOf } from './view-kit.ts'

const ESC = String.fromCharCode(0x1b)
const REASON = 'error rate 21.3% of 1,204 requests is above 5%'

function ledgerOf(version: string, appErrors: number): VersionLedger {
  return { version, served: [0, 9_000, 0, 0, appErrors], appErrors, failed: 0, clientAborts: 0, cut: 0 }
}

function drawn(...args: Parameters<typeof renderRollouts>): string {
  return `\n${renderRollouts(...args).join('\n')}\n`
}

describe('the picture of a rollout', () => {
  test('shows split, step, figures of both versions, verdict and ledger at 80 columns', () => {
    expect(drawn([viewOf()], canvasOf())).toMatchInlineSnapshot(`
      "
      shop-2  canary v1 → v2                                           monitoring  41s
        traffic   █████░░░░░░░░░░░░░░░  v1 75%, v2 25% (actual 25.1%)
        step      ████████░░░░░░░░░░░░  3 of 5, observed 12s of 30s
                                             errors      p50      p99  requests
        window    v2                           0.4%    3.7ms     12ms       251
                  v1                             0%    3.7ms     12ms       749
        verdict   pass: nothing speaks against it
        requests  0 of 41,212 requests failed
      "
    `)
  })

  test('fits into 60 columns', () => {
    expect(drawn([viewOf()], canvasOf({ width: 60 }))).toMatchInlineSnapshot(`
      "
      shop-2  canary v1 → v2                       monitoring  41s
        traffic   ████░░░░░░░░░░░  v1 75%, v2 25% (actual 25.1%)
        step      ██████░░░░░░░░░  3 of 5, observed 12s of 30s
                                errors      p50      p99  requests
        window    v2              0.4%    3.7ms     12ms       251
                  v1                0%    3.7ms     12ms       749
        verdict   pass: nothing speaks against it
        requests  0 of 41,212 requests failed
      "
    `)
  })

  test('uses 120 columns', () => {
    expect(drawn([viewOf()], canvasOf({ width: 120 }))).toMatchInlineSnapshot(`
      "
      shop-2  canary v1 → v2                                                                                   monitoring  41s
        traffic   ████████░░░░░░░░░░░░░░░░░░░░░░  v1 75%, v2 25% (actual 25.1%)
        step      ████████████░░░░░░░░░░░░░░░░░░  3 of 5, observed 12s of 30s
                                             errors      p50      p99  requests
        window    v2                           0.4%    3.7ms     12ms       251
                  v1                             0%    3.7ms     12ms       749
        verdict   pass: nothing speaks against it
        requests  0 of 41,212 requests failed
      "
    `)
  })

  test('is drawn in ASCII where a terminal knows no more', () => {
    const lines = renderRollouts([viewOf()], canvasOf({ unicode: false }))
    expect(lines.join('')).toMatch(/^[ -~]*$/)
  })

  test('says at the end how and why', () => {
    const view = endedAs(
      { status: 'rolled-back', cause: 'metrics-degraded', reason: REASON },
      {
        split: [{ version: 'v1', weight: weight(100) }],
        requests: {
          total: 9_120,
          failed: 0,
          versions: [ledgerOf('v1', 0), ledgerOf('v2', 312)],
          complete: false,
        },
      },
    )
    expect(drawn([view], canvasOf())).toMatchInlineSnapshot(`
      "
      shop-2  canary v1 → v2                                         rolled-back  1m3s
        traffic   ░░░░░░░░░░░░░░░░░░░░  v1 100%
        requests  at least 0 of 9,120 requests failed; v2 answered 312 with an error
        reason    error rate 21.3% of 1,204 requests is above 5%
      "
    `)
  })

  test('says what a person can do where it waits for one', () => {
    expect(drawn([viewOf({ state: 'paused' })], canvasOf())).toContain('sluice resume shop-2')
    expect(drawn([viewOf({ state: 'frozen' })], canvasOf())).toContain('sluice abort shop-2 --force')
    expect(drawn([viewOf({ status: 'parked', parked: 'a guard threw' })], canvasOf())).toContain(
      'a guard threw',
    )
  })

  test('has children below their parents, and extra lines below all', () => {
    const child = viewOf({ id: 'shop-2/deploy/1', parent: 'shop-2' })
    const lines = renderRollouts([viewOf(), child], canvasOf(), ['300 requests/s'])
    const places = ['shop-2 ', 'shop-2/deploy/1 ', '300 requests/s'].map((text) =>
      lines.findIndex((line) => line.startsWith(text)),
    )
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect(places).not.toContain(-1)
  })

  const wide = viewOf({
    version: `v2-${'x'.repeat(60)}`,
    stable: '日本-🚀',
    verdict: { kind: 'fail', check: 'error-rate', reason: `${REASON} `.repeat(10) },
    outcome: { status: 'stranded', cause: 'abort', reason: 'a person asked for it '.repeat(20) },
    split: [
      { version: '日本-🚀', weight: weight(99.99) },
      { version: `v2-${'x'.repeat(60)}`, weight: weight(0.01) },
    ],
    current: seen(12_345_678, 12_345_678, 123_456),
  })
  test.each([40, 60, 80, 120])('is never wider than its %i columns', (width) => {
    const widths = renderRollouts([wide], canvasOf({ width }), ['extra '.repeat(50)]).map(widthOf)
    expect(Math.max(...widths)).toBeLessThanOrEqual(width)
  })

  test('lets no name and no reason steer the terminal', () => {
    const evil = `v2${ESC}[2J\u202E`
    const view = viewOf({
      version: evil,
      stable: evil,
      id: `shop${ESC}]0;x`,
      parked: evil,
      status: 'parked',
      split: [{ version: evil, weight: weight(100) }],
      verdict: { kind: 'error', reason: evil },
      outcome: { status: 'stranded', cause: null, reason: evil },
    })
    const shown = [
      ...renderRollouts([view], canvasOf(), [evil]),
      ...changesOf(undefined, view),
      ...changesOf(
        undefined,
        endedAs({ status: 'rolled-back', cause: null, reason: evil }, { version: evil }),
      ),
      heartbeatOf(view),
    ]
    expect(shown.join('')).not.toMatch(/[\p{Cc}\u202E]/u)
  })

  test('leaves at least one cell to a version that gets something, and one to what is left', () => {
    expect([0, 0.01, 50, 99.99, 100].map(cellsAt)).toEqual([
      [0, 20],
      [1, 19],
      [10, 10],
      [19, 1],
      [20, 0],
    ])
  })

  test('is the same with colours, once they are taken away', () => {
    const lines = renderRollouts([viewOf()], canvasOf({ paint: painted }))
    const bare = lines.map((line) => line.replaceAll(/<\/?\w+>/g, ''))
    expect(bare).toEqual(renderRollouts([viewOf()], canvasOf()))
    expect(lines.join('')).toContain('<cyan>')
  })
})

describe('the lines of a rollout', () => {
  test('say where it stands at first, and then only what is new', () => {
    const before = viewOf()
    const after = viewOf({
      state: 'degraded',
      verdict: { kind: 'fail', check: 'error-rate', reason: REASON },
    })
    expect(changesOf(undefined, before)).toMatchInlineSnapshot(`
      [
        "shop-2 canary v1 → v2",
        "shop-2 monitoring",
        "shop-2 step 3 of 5",
        "shop-2 traffic: v1 75%, v2 25%",
        "shop-2 pass: nothing speaks against it",
      ]
    `)
    expect(changesOf(before, after)).toEqual(['shop-2 degraded', `shop-2 fail: ${REASON}`])
    expect(changesOf(after, after)).toEqual([])
  })

  test('say nothing about figures that change with every window', () => {
    expect(changesOf(waits(1), waits(2))).toEqual([])
  })

  test('say at the end how, why, and what it cost', () => {
    const after = endedAs({ status: 'rolled-back', cause: 'metrics-degraded', reason: REASON })
    expect(changesOf(viewOf(), after)).toMatchInlineSnapshot(`
      [
        "shop-2 rolled-back after 1m3s: error rate 21.3% of 1,204 requests is above 5% (shop is served by v1)",
        "shop-2 0 of 41,212 requests failed",
      ]
    `)
  })

  test('say now and then that it still goes on', () => {
    expect(heartbeatOf(viewOf())).toMatchInlineSnapshot(
      `"shop-2 monitoring, step 3 of 5, v1 75%, v2 25%, v2 errors 0.4% p99 12ms, v1 errors 0% p99 12ms, 0 of 41,212 requests failed"`,
    )
  })

  test('begin with the time, and end with the screen', () => {
    const written: string[] = []
    const lines = new Lines((line) => written.push(line))
    lines.show([viewOf()])
    lines.show([viewOf()])
    lines.close()
    expect(written.length).toBe(changesOf(undefined, viewOf()).length)
    for (const line of written) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ shop-2 /)
  })
})

describe('a picture', () => {
  test.each([
    ['a terminal without rows', { isTTY: true, rows: 0 }, {}],
    ['a dumb terminal', { isTTY: true, rows: 24 }, { TERM: 'dumb' }],
    ['a terminal of CI', { isTTY: true, rows: 24 }, { CI: 'true' }],
    ['a pipe', { isTTY: false, rows: 0 }, {}],
  ])('is not drawn on %s', (_, stream, env) => {
    expect(isTerminal(stream, env)).toBe(false)
  })

  test('is drawn on a terminal', () => {
    expect(isTerminal({ isTTY: true, rows: 24 }, {})).toBe(true)
  })
})

const painted: Paint = (style, text) => `<${style}>${text}</${style}>`

/** The full and the empty cells of the bar that shows what v2 gets. */
function cellsAt(percent: number): readonly [number, number] {
  const split = [
    { version: 'v1', weight: weight(100 - percent) },
    { version: 'v2', weight: weight(percent) },
  ]
  const line = renderRollouts([viewOf({ split })], canvasOf()).find((text) => text.includes('traffic')) ?? ''
  return [line.split('█').length - 1, line.split('░').length - 1]
}

function waits(n: number): RolloutView {
  return viewOf({ verdict: { kind: 'inconclusive', cause: 'underpowered', reason: `${n} of 50 requests` } })
}
