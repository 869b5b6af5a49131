import { Observable } from 'rxjs'

import { type Counts, type MetricsWindow, NO_COUNTS, since } from '../../analysis/sample.ts'
import type {
  Cancellable,
  Clock,
  GenerationCounts,
  HealthProbe,
  MetricsSource,
  ProbeAnswer,
  ProbeSpec,
  TestRunner,
  TestSpec,
} from '../../engine/ports.ts'
import { AdapterError } from '../../errors.ts'
import type { Endpoint, TestAnswer } from '../../events/rollout-event.ts'
import { type Fault, never, suffering } from './fault.ts'
import type { Traffic } from './traffic.ts'

/** A {@link MetricsSource} that counts simulated {@link Traffic}. */
export class SimulatedMetrics implements MetricsSource {
  /** What is wrong with `windows`: one that refuses ends with an error. */
  fault: Fault = 'none'
  /** What is wrong with `counts`. */
  countsFault: Fault = 'none'
  /** Changes a window on its way to whoever watches: how a source lies. */
  distort: (window: MetricsWindow) => MetricsWindow = (window) => window
  readonly #clock: Clock
  readonly #traffic: Traffic

  constructor(clock: Clock, traffic: Traffic) {
    this.#clock = clock
    this.#traffic = traffic
  }

  windows({
    service,
    windowMs,
  }: {
    readonly service: string
    readonly windowMs: number
  }): Observable<MetricsWindow> {
    return new Observable((subscriber) => {
      let before = this.#reading(service)
      let cancel: (() => void) | undefined
      const wait = (): void => {
        cancel = this.#clock.after(windowMs, () => {
          if (this.fault === 'refuse')
            return subscriber.error(new AdapterError('METRICS_FAILED', 'no answer'))
          const now = this.#reading(service)
          const window = between(before, now)
          before = now
          wait()
          if (this.fault === 'none') subscriber.next(this.distort(window))
        })
      }
      wait()
      return () => cancel?.()
    })
  }

  counts(
    { service, claim }: { readonly service: string; readonly claim: number },
    _options: Cancellable,
  ): Promise<readonly GenerationCounts[]> {
    const work = () => this.#traffic.counts(service, claim)
    return suffering(this.countsFault, work, { clock: this.#clock, refused: 'METRICS_FAILED' })
  }

  #reading(service: string): Reading {
    return { at: this.#clock.now(), totals: this.#traffic.totals(service) }
  }
}

interface Reading {
  readonly at: number
  readonly totals: ReadonlyMap<string, Counts>
}

function between(before: Reading, now: Reading): MetricsWindow {
  const samples = [...now.totals].map(([version, counts]) => ({
    version,
    counts: since(counts, before.totals.get(version) ?? NO_COUNTS),
  }))
  return { from: before.at, ms: now.at - before.at, samples }
}

/** A {@link HealthProbe} that finds what a test says of each version. */
export class SimulatedProbe implements HealthProbe {
  fault: Fault = 'none'
  readonly #clock: Clock
  readonly #healthOf: (version: string) => ProbeAnswer['health']

  constructor(clock: Clock, healthOf: (version: string) => ProbeAnswer['health']) {
    this.#clock = clock
    this.#healthOf = healthOf
  }

  probe(
    _spec: ProbeSpec,
    { version }: { readonly version: string; readonly endpoint: Endpoint },
    _options: Cancellable,
  ): Promise<ProbeAnswer> {
    const work = (): ProbeAnswer => {
      const health = this.#healthOf(version)
      return { health, latencyMs: 1, message: `it is ${health}` }
    }
    return suffering(this.fault, work, { clock: this.#clock, refused: 'PROBE_FAILED' })
  }
}

/** What a smoke test comes to: an answer, nothing at all, or what is thrown. */
export type Attempted = TestAnswer['status'] | 'hang' | Error

/** A {@link TestRunner} whose tests come to what a test says. */
export class SimulatedTests implements TestRunner {
  /** The names of the tests that were run, one entry for each attempt. */
  readonly ran: string[] = []
  /** What comes of a test, by its name and how often it was run before. */
  resultOf: (name: string, before: number) => Attempted = () => 'passed'

  async run(
    { name }: TestSpec,
    _target: { readonly url: string; readonly version: string },
    _options: Cancellable,
  ): Promise<TestAnswer> {
    const before = this.ran.filter((other) => other === name).length
    this.ran.push(name)
    const result = this.resultOf(name, before)
    if (result instanceof Error) throw result
    if (result === 'hang') return never()
    return { status: result, message: `it ${result}`, durationMs: 1 }
  }
}
