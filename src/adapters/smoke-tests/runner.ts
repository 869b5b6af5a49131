import type { Cancellable, TestRunner, TestSpec } from '../../engine/ports.ts'
import { scrubLine } from '../../engine/scrub.ts'
import { UsageError } from '../../errors.ts'
import type { TestAnswer } from '../../events/rollout-event.ts'
import type { Found, Target } from './found.ts'
import { Bindings, runFunction, type TestFunction } from './functions.ts'
import { runHttp } from './http.ts'

export class SmokeTestRunner implements TestRunner {
  readonly #bindings: Bindings

  constructor(functions: Readonly<Record<string, TestFunction>>) {
    this.#bindings = new Bindings(functions)
  }

  bind(service: string, name: string, fn: TestFunction): () => void {
    return this.#bindings.bind(service, name, fn)
  }

  async run(test: TestSpec, target: Target, { signal }: Cancellable): Promise<TestAnswer> {
    signal.throwIfAborted()
    const started = performance.now()
    const { status, message } = await this.#find(test, target, signal)
    return { status, message: scrubLine(message), durationMs: Math.round(performance.now() - started) }
  }

  async #find(test: TestSpec, target: Target, signal: AbortSignal): Promise<Found> {
    switch (test.kind) {
      case 'http':
        return runHttp(test, target, { signal })
      case 'function':
        return runFunction(this.#bindings.find(target.service, test.name), target, { signal })
    }
    throw new UsageError('ARGUMENT_INVALID', 'there is no such kind of test')
  }
}
