// Watches what the state of a rollout says is to be watched. There is no start and no stop: the wanted activities are
// compared with the running ones, and a crash changes nothing about what is wanted.
import { defer, map, Observable, retry, type Subscription } from 'rxjs'

import { freshJudge, type Judgement } from '../analysis/judge.ts'
import type { MetricsWindow } from '../analysis/sample.ts'
import { messageOf } from '../errors.ts'
import type { Endpoint } from '../events/rollout-event.ts'
import { concludeHealth, type HealthSample, judgeWindows } from '../events/streams.ts'
import type { Activity } from '../machines/index.ts'
import { backOffMs, within } from './back-off.ts'
import { releaseOf } from './children.ts'
import type { Answer, ExecutorDeps } from './executor.ts'
import type { Clock } from './ports.ts'
import type { RolloutRecord, ServiceRecord, VersionRecord } from './record.ts'
import type { ReleaseSpec } from './spec.ts'
import type { HealthChecks, StepLedger } from './view.ts'

/** What the watchers need of the service they work for. */
export interface Watchable {
  record(): ServiceRecord
  rollout(id: string): RolloutRecord | undefined
  answer(rollout: string, answer: Answer): void
  ledgers(rollout: string): Promise<readonly StepLedger[] | null>
}

/** How much longer than its own limit an answer may take before it is given up. */
const SLACK_MS = 2_000
/** Of a version that nobody knows, nothing runs. */
const UNKNOWN_HEALTH = { intervalMs: 5_000, threshold: 1 }
const NOBODY: HealthSample = { instance: '', health: 'unhealthy', message: 'no instance is running' }

type Analysing = Extract<Activity, { kind: 'analysis' }>

/** What is being watched, as it was last asked for. */
interface Running {
  readonly activity: Activity
  readonly subscription: Subscription
}

export class Watchers {
  readonly #service: Watchable
  readonly #deps: ExecutorDeps
  readonly #running = new Map<string, Running>()
  readonly #asked = new Map<string, HealthChecks>()
  readonly #ledgers = new Map<string, readonly StepLedger[]>()
  readonly #reading = new Set<string>()

  constructor(service: Watchable, deps: ExecutorDeps) {
    this.#service = service
    this.#deps = deps
  }

  /** Makes what is watched for a rollout be `activities`: the same key goes on, any other ends or begins. */
  follow(rollout: string, activities: readonly Activity[]): void {
    if (activities.length === 0) {
      this.#asked.delete(rollout)
      this.#ledgers.delete(rollout)
    }
    const wanted = new Map(activities.map((activity) => [`${rollout}#${activity.key}`, activity]))
    for (const [key, { subscription }] of this.#running) {
      if (!key.startsWith(`${rollout}#`) || wanted.has(key)) continue
      subscription.unsubscribe()
      this.#running.delete(key)
    }
    for (const [key, activity] of wanted) {
      const subscription = this.#running.get(key)?.subscription ?? this.#begin(rollout, activity)
      this.#running.set(key, { activity, subscription })
    }
  }

  close(): void {
    for (const { subscription } of this.#running.values()) subscription.unsubscribe()
    this.#running.clear()
  }

  #begin(rollout: string, activity: Activity): Subscription {
    return activity.kind === 'probe'
      ? this.#probe(rollout, activity.version)
      : this.#analyse(rollout, activity)
  }

  #probe(rollout: string, version: string): Subscription {
    const known = () => this.#service.record().versions.find((candidate) => candidate.version === version)
    const { intervalMs, threshold } = known()?.health ?? UNKNOWN_HEALTH
    const round = async (signal: AbortSignal) => {
      const answers = await this.#round(known(), signal)
      if (!signal.aborted) this.#count(rollout, answers)
      return answers
    }
    return every(this.#deps.clock, intervalMs, round)
      .pipe(concludeHealth(threshold))
      .subscribe((conclusion) => {
        this.#answer(rollout, { event: { type: 'probe.concluded', version, ...conclusion } })
      })
  }

  /** One answer of each instance; an instance that does not answer in time is not healthy, and holds up no other round. */
  async #round(known: VersionRecord | undefined, signal: AbortSignal): Promise<readonly HealthSample[]> {
    if (known === undefined || known.endpoints.length === 0) return [NOBODY]
    return Promise.all(known.endpoints.map((each) => this.#sample(known, each, signal)))
  }

  async #sample(
    { version, health }: VersionRecord,
    endpoint: Endpoint,
    signal: AbortSignal,
  ): Promise<HealthSample> {
    const { adapters, clock } = this.#deps
    const { instance } = endpoint
    try {
      const limit = { clock, ms: health.probe.timeoutMs + SLACK_MS, signal }
      const answer = await within(limit, (either) =>
        adapters.probe.probe(health.probe, { version, endpoint }, { signal: either }),
      )
      return { instance, health: answer.health, message: answer.message }
    } catch (error) {
      return { instance, health: 'error', message: messageOf(error) }
    }
  }

  #analyse(rollout: string, activity: Analysing): Subscription {
    const spec = this.#releaseOf(rollout)
    const { adapters, clock } = this.#deps
    const { checks, service, windowMs } = spec
    const isBaking = () => {
      const newest = this.#running.get(`${rollout}#${activity.key}`)?.activity ?? activity
      return newest.kind === 'analysis' && newest.isBaking
    }
    const judgements = defer(() => {
      // Begun anew, after a failure or a restart, it goes on with what was remembered.
      const stored = this.#service.rollout(rollout)?.analysis
      const state = stored?.key === activity.key ? stored.state : freshJudge(checks)
      return adapters.metrics
        .windows({ service, windowMs })
        .pipe(
          alive(clock, 3 * windowMs + SLACK_MS),
          lived(clock, windowMs),
          judgeWindows(checks, { ...activity, isBaking }, state),
        )
    })
    return repeating(clock, judgements, (error) => {
      this.#conclude(rollout, activity, { error: messageOf(error) })
    }).subscribe((judgement) => this.#conclude(rollout, activity, { judgement }))
  }

  #conclude(
    rollout: string,
    { key, generation }: Analysing,
    found: { readonly judgement: Judgement } | { readonly error: string },
  ): void {
    if ('error' in found) {
      const verdict = { kind: 'error', reason: found.error } as const
      const blind = { verdict, suspicion: 'unchanged', observedMs: 0, current: null, baseline: null } as const
      return this.#answer(rollout, { event: { type: 'analysis.concluded', generation, ...blind } })
    }
    const { state, ...judged } = found.judgement
    const ledgers = this.#newestLedgers(rollout)
    this.#answer(rollout, {
      event: { type: 'analysis.concluded', generation, ...judged },
      findings: { analysis: { key, state }, ...(ledgers === undefined ? {} : { ledgers }) },
    })
  }

  /** The ledgers as they were last read; reading them anew is begun, and no verdict waits for it. */
  #newestLedgers(rollout: string): readonly StepLedger[] | undefined {
    if (!this.#reading.has(rollout)) {
      this.#reading.add(rollout)
      void this.#service.ledgers(rollout).then((read) => {
        this.#reading.delete(rollout)
        return read === null ? undefined : this.#ledgers.set(rollout, read)
      })
    }
    const read = this.#ledgers.get(rollout)
    this.#ledgers.delete(rollout)
    return read
  }

  /** What was counted of the health checks goes along with whatever is said next. */
  #answer(rollout: string, { event, findings = {} }: Answer): void {
    const healthChecks = this.#asked.get(rollout)
    this.#service.answer(rollout, {
      event,
      findings: healthChecks === undefined ? findings : { ...findings, healthChecks },
    })
  }

  #count(rollout: string, round: readonly HealthSample[]): void {
    const { passed, failed } = this.#asked.get(rollout) ??
      this.#service.rollout(rollout)?.healthChecks ?? { passed: 0, failed: 0 }
    const good = round.filter(({ health }) => health === 'healthy').length
    this.#asked.set(rollout, { passed: passed + good, failed: failed + round.length - good })
  }

  #releaseOf(rollout: string): ReleaseSpec {
    const spec = this.#service.rollout(rollout)?.spec
    const release = spec === undefined ? null : releaseOf(spec)
    if (release !== null) return release
    throw new TypeError(`${rollout} has no traffic to analyse`)
  }
}

/** Emits what `ask` comes to, asked at once and then each `ms` of the clock's time, one at a time; it never rejects. */
function every<T>(clock: Clock, ms: number, ask: (signal: AbortSignal) => Promise<T>): Observable<T> {
  return new Observable((subscriber) => {
    let asking: AbortController | null = null
    const round = async (abort: AbortController): Promise<void> => {
      asking = abort
      subscriber.next(await ask(abort.signal))
      asking = null
    }
    const tick = (): void => {
      if (asking === null) void round(new AbortController())
      cancel = clock.after(ms, tick)
    }
    let cancel = clock.after(0, tick)
    return () => {
      cancel()
      asking?.abort()
    }
  })
}

/** Subscribes anew, with back-off, to a source that failed; each failure is told. */
function repeating<T>(clock: Clock, source: Observable<T>, failed: (error: unknown) => void): Observable<T> {
  return source.pipe(
    retry({
      delay(error, attempt) {
        failed(error)
        return after(clock, backOffMs(attempt))
      },
      resetOnSuccess: true,
    }),
  )
}

/** Fails when nothing comes for `ms`, and when it ends: whoever watches has to know. */
function alive<T>(clock: Clock, ms: number): (source: Observable<T>) => Observable<T> {
  return (source) =>
    new Observable((subscriber) => {
      const silent = (): void => subscriber.error(new Error(`nothing was measured for ${ms} ms`))
      let cancel = clock.after(ms, silent)
      const inner = source.subscribe({
        next(value) {
          cancel()
          cancel = clock.after(ms, silent)
          subscriber.next(value)
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.error(new Error('nothing is measured any more')),
      })
      return () => {
        cancel()
        inner.unsubscribe()
      }
    })
}

/** All windows together are no longer than the time that went by: a bake is not shortened by who says they were. */
function lived(
  clock: Clock,
  slackMs: number,
): (source: Observable<MetricsWindow>) => Observable<MetricsWindow> {
  return (source) =>
    defer(() => {
      let last = clock.now()
      let left = slackMs
      return source.pipe(
        map((window) => {
          const now = clock.now()
          left += Math.max(0, now - last)
          last = now
          const ms = window.ms > left ? left : window.ms
          left -= Number.isFinite(ms) ? ms : 0
          return { ...window, ms }
        }),
      )
    })
}

/** Emits once, after `ms` of the clock's time. */
function after(clock: Clock, ms: number): Observable<void> {
  return new Observable((subscriber) =>
    clock.after(ms, () => {
      subscriber.next()
      subscriber.complete()
    }),
  )
}
