// Watches what the state of a rollout says is to be watched. There is no start and no stop: the wanted activities are
// compared with the running ones, and a crash changes nothing about what is wanted.
import { defer, exhaustMap, map, Observable, repeat, retry, type Subscription, tap } from 'rxjs'

import { freshJudge, type Judgement } from '../analysis/judge.ts'
import { messageOf } from '../errors.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import { concludeHealth, type HealthSample, judgeWindows } from '../events/streams.ts'
import type { Activity } from '../machines/index.ts'
import { backOffMs } from './back-off.ts'
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

type Analysing = Extract<Activity, { kind: 'analysis' }>

export class Watchers {
  readonly #service: Watchable
  readonly #deps: ExecutorDeps
  readonly #running = new Map<string, Subscription>()
  readonly #asked = new Map<string, HealthChecks>()

  constructor(service: Watchable, deps: ExecutorDeps) {
    this.#service = service
    this.#deps = deps
  }

  /** Makes what is watched for a rollout be `activities`: the same key goes on, any other ends or begins. */
  follow(rollout: string, activities: readonly Activity[]): void {
    if (activities.length === 0) this.#asked.delete(rollout)
    const wanted = new Map(activities.map((activity) => [`${rollout}#${activity.key}`, activity]))
    for (const [key, subscription] of this.#running) {
      if (!key.startsWith(`${rollout}#`) || wanted.has(key)) continue
      subscription.unsubscribe()
      this.#running.delete(key)
    }
    for (const [key, activity] of wanted) {
      if (this.#running.has(key)) continue
      const subscription =
        activity.kind === 'probe' ? this.#probe(rollout, activity.version) : this.#analyse(rollout, activity)
      this.#running.set(key, subscription)
    }
  }

  close(): void {
    for (const subscription of this.#running.values()) subscription.unsubscribe()
    this.#running.clear()
  }

  #probe(rollout: string, version: string): Subscription {
    const known = () => this.#service.record().versions.find((candidate) => candidate.version === version)
    const health = known()?.health
    if (health === undefined) throw new TypeError(`nobody said how to ask ${version} whether it is well`)
    return every(this.#deps.clock, health.intervalMs)
      .pipe(
        exhaustMap(() => this.#round(known())),
        tap((round) => this.#count(rollout, round)),
        concludeHealth(health.threshold),
      )
      .subscribe((conclusion) => {
        this.#answer(rollout, { event: { type: 'probe.concluded', version, ...conclusion } })
      })
  }

  /** One answer of each instance; the round is over when the last one answered, which a probe does by itself. */
  #round(known: VersionRecord | undefined): Observable<readonly HealthSample[]> {
    return new Observable((subscriber) => {
      const abort = new AbortController()
      const { version, health, endpoints } = known ?? { version: '', health: null, endpoints: [] }
      const asked = endpoints.map(async (endpoint): Promise<HealthSample> => {
        if (health === null)
          return { instance: endpoint.instance, health: 'error', message: 'unknown version' }
        const { signal } = abort
        const answer = await this.#deps.adapters.probe.probe(health.probe, { version, endpoint }, { signal })
        return { instance: endpoint.instance, health: answer.health, message: answer.message }
      })
      const nobody: HealthSample = { instance: '', health: 'unhealthy', message: 'no instance is running' }
      void Promise.all(asked)
        .then((answers) => (answers.length === 0 ? [nobody] : answers))
        .catch((error: unknown) => [{ instance: '', health: 'error' as const, message: messageOf(error) }])
        .then((round) => {
          subscriber.next(round)
          return subscriber.complete()
        })
      return () => abort.abort()
    })
  }

  #analyse(rollout: string, activity: Analysing): Subscription {
    const spec = this.#releaseOf(rollout)
    const stored = this.#service.rollout(rollout)?.analysis
    const state = stored?.key === activity.key ? stored.state : freshJudge(spec.checks)
    const { adapters, clock } = this.#deps
    return repeating(
      clock,
      () => adapters.metrics.windows({ service: spec.service, windowMs: spec.windowMs }),
      (error) => this.#conclude(rollout, activity, { error: messageOf(error) }),
    )
      .pipe(
        judgeWindows(spec.checks, activity, state),
        map((judgement) => ({ judgement })),
      )
      .subscribe((found) => this.#conclude(rollout, activity, found))
  }

  #conclude(
    rollout: string,
    activity: Analysing,
    found: { readonly judgement: Judgement } | { readonly error: string },
  ): void {
    const { generation, key } = activity
    if ('error' in found) {
      const verdict = { kind: 'error', reason: found.error } as const
      const blind = { verdict, suspicion: 'unchanged', observedMs: 0, current: null, baseline: null } as const
      return this.#answer(rollout, { event: { type: 'analysis.concluded', generation, ...blind } })
    }
    const { state, ...judged } = found.judgement
    const event: RolloutEvent = { type: 'analysis.concluded', generation, ...judged }
    // A verdict of harm goes in at once; the ledger is only read along with the quiet ones.
    const isUrgent = judged.verdict.kind === 'fail' || judged.suspicion === 'raised'
    const ledgers = isUrgent ? Promise.resolve(null) : this.#service.ledgers(rollout)
    void ledgers.then((read) =>
      this.#answer(rollout, {
        event,
        findings: { analysis: { key, state }, ...(read === null ? {} : { ledgers: read }) },
      }),
    )
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
    if (spec?.strategy === 'canary' || spec?.strategy === 'blue-green') return spec
    throw new TypeError(`${rollout} has no traffic to analyse`)
  }
}

/** Emits at once, and then each `ms` of the clock's time. */
function every(clock: Clock, ms: number): Observable<void> {
  return defer(() => after(clock, 0)).pipe(repeat({ delay: () => after(clock, ms) }))
}

/** Subscribes anew, with back-off, to a source that failed; each failure is told. */
function repeating<T>(
  clock: Clock,
  source: () => Observable<T>,
  failed: (error: unknown) => void,
): Observable<T> {
  return defer(source).pipe(
    tap({ error: failed }),
    retry({ delay: (_, attempt) => after(clock, backOffMs(attempt)), resetOnSuccess: true }),
  )
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
