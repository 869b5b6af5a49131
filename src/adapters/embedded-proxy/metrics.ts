import { Observable } from 'rxjs'

import {
  add,
  type Counts,
  type MetricsWindow,
  NO_COUNTS,
  requestsOf,
  type Sample,
  since,
} from '../../analysis/sample.ts'
import type { Cancellable, GenerationCounts, MetricsSource } from '../../engine/ports.ts'
import { AdapterError, messageOf } from '../../errors.ts'
import { compareGenerations } from '../../events/generation.ts'
import { count } from '../../units.ts'
import type { Controller } from './controller.ts'
import type { CountsReply } from './wire.ts'

/** All that one proxy process counted of a service up to a moment, by version. */
interface Reading {
  readonly at: number
  readonly run: string
  readonly versions: ReadonlyMap<string, Counts>
  /** The versions of the newest generation: they are named in a window even without traffic. */
  readonly routed: ReadonlySet<string>
}

/** What the embedded proxy counted, as a {@link MetricsSource}. */
export class EmbeddedMetrics implements MetricsSource {
  readonly #controller: Controller

  constructor(controller: Controller) {
    this.#controller = controller
  }

  windows({
    service,
    windowMs,
  }: {
    readonly service: string
    readonly windowMs: number
  }): Observable<MetricsWindow> {
    count(windowMs, 'windowMs', { least: 1, most: 24 * 3_600_000 })
    return new Observable((subscriber) => {
      const over = new AbortController()
      const emit = (window: MetricsWindow): void => subscriber.next(window)
      this.#poll({ service, windowMs, emit }, over.signal).catch((error: unknown) => {
        if (!over.signal.aborted) subscriber.error(error)
      })
      return () => over.abort(new Error('nobody watches any more'))
    })
  }

  async counts(
    { service, claim }: { readonly service: string; readonly claim: number },
    { signal }: Cancellable,
  ): Promise<readonly GenerationCounts[]> {
    return (await this.#ask({ service, claim }, signal)).counts
  }

  /** Windows follow the clock, not one another's delays; one that was missed is part of the next, which is longer. */
  async #poll(
    { service, windowMs, emit }: { service: string; windowMs: number; emit: (window: MetricsWindow) => void },
    signal: AbortSignal,
  ): Promise<void> {
    let before = await this.#read(service, signal)
    let due = performance.now() + windowMs
    for (;;) {
      await pause(due - performance.now(), signal)
      const now = await this.#read(service, signal)
      const window = windowBetween(before, now)
      if (window !== null) emit(window)
      before = now
      due = Math.max(due + windowMs, performance.now() + windowMs / 2)
    }
  }

  async #read(service: string, signal: AbortSignal): Promise<Reading> {
    const { run, counts } = await this.#ask({ service, claim: 0 }, signal)
    return { at: Date.now(), run, ...totals(counts) }
  }

  async #ask(what: { service: string; claim: number }, signal: AbortSignal): Promise<CountsReply> {
    try {
      return await this.#controller.ask<'counts'>({ op: 'counts', ...what }, { signal })
    } catch (cause) {
      if (signal.aborted) throw cause
      throw new AdapterError('METRICS_FAILED', `the proxy's counters can't be read: ${messageOf(cause)}`, {
        cause,
      })
    }
  }
}

function totals(counts: readonly GenerationCounts[]): Pick<Reading, 'versions' | 'routed'> {
  const versions = new Map<string, Counts>()
  for (const { version, counts: more } of counts)
    versions.set(version, add(versions.get(version) ?? NO_COUNTS, more))
  const newest = counts
    .map(({ generation }) => generation)
    .toSorted(compareGenerations)
    .at(-1)
  const current = counts.filter(({ generation }) => newest && compareGenerations(generation, newest) === 0)
  return {
    versions,
    routed: new Set(current.map(({ version }) => version).filter((version) => version !== '')),
  }
}

/** What was counted between two readings; null when they are of different proxies, and can't be compared. */
function windowBetween(before: Reading, now: Reading): MetricsWindow | null {
  if (before.run !== now.run) return null
  const samples: Sample[] = []
  for (const [version, counts] of now.versions) {
    const earlier = before.versions.get(version) ?? NO_COUNTS
    if (wentBack(counts, earlier)) return null
    const counted = since(counts, earlier)
    if (now.routed.has(version) || hadTraffic(counted)) samples.push({ version, counts: counted })
  }
  const lost = [...before.versions.keys()].some((version) => !now.versions.has(version))
  return lost ? null : { from: before.at, ms: Math.max(1, now.at - before.at), samples }
}

function wentBack(later: Counts, earlier: Counts): boolean {
  return tallied(later).some((n, i) => n < (tallied(earlier)[i] ?? 0))
}

function tallied({ served, failed, clientAborts, cut }: Counts): readonly number[] {
  return [...served, failed, clientAborts, cut]
}

function hadTraffic(counts: Counts): boolean {
  return requestsOf(counts) + counts.clientAborts + counts.cut + counts.inFlight > 0
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal.addEventListener('abort', abort, { once: true })
  })
}
