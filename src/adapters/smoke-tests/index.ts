import type { TestRunner } from '../../engine/ports.ts'
import type { TestFunction } from './functions.ts'
import { SmokeTestRunner } from './runner.ts'

export type { TestContext, TestFunction } from './functions.ts'

export interface SmokeTestsOptions {
  /** Test functions by name, for every service; those that are bound for a service come first. Default none. */
  readonly functions?: Readonly<Record<string, TestFunction>>
}

/** A {@link TestRunner} that functions can be bound to. */
export interface BindableTestRunner extends TestRunner {
  /**
   * Makes `fn` what a test of that name runs for that service, instead of what was bound before. What it returns takes the
   * function away again, unless another took its place.
   * @throws UsageError `ARGUMENT_INVALID` for a malformed name and for what is no function
   */
  bind(service: string, name: string, fn: TestFunction): () => void
}

/**
 * Runs smoke tests: real requests, and functions of yours. One attempt each; when, how often and in which order they run
 * is decided elsewhere. A function that throws has failed, one that hangs is given up with its signal, and nothing that it
 * throws from its promise gets any further; what it throws elsewhere (in a timer of its own) can't be caught by anybody.
 * @throws UsageError `ARGUMENT_INVALID` for a malformed name and for what is no function
 */
export function smokeTests({ functions = {} }: SmokeTestsOptions = {}): BindableTestRunner {
  return new SmokeTestRunner(functions)
}
