import type { Cancellable, HealthProbe, ProbeAnswer, ProbeSpec } from '../../engine/ports.ts'
import { scrubLine } from '../../engine/scrub.ts'
import { messageOf, UsageError } from '../../errors.ts'
import { count } from '../../units.ts'
import { Unanswered } from '../requests/index.ts'
import { probeCommand } from './command.ts'
import type { Finding, Target } from './finding.ts'
import { probeHttp } from './http.ts'
import { within } from './patience.ts'
import { probeTcp } from './tcp.ts'

const LONGEST_TIMEOUT_MS = 24 * 3_600_000

/**
 * Asks instances over HTTP, over TCP, or by a program. Each probe has a connection or a process of its own, which is gone
 * when it is answered. A refused connection, a timeout and an answer that makes no sense are `unhealthy`; `error` is left
 * for what could not be asked: a specification that is wrong, a program that isn't there.
 */
export function probes(): HealthProbe {
  return { probe }
}

async function probe(spec: ProbeSpec, target: Target, { signal }: Cancellable): Promise<ProbeAnswer> {
  signal.throwIfAborted()
  const started = performance.now()
  const { health, message } = await find(spec, target, signal)
  return { health, latencyMs: Math.round(performance.now() - started), message: scrubLine(message) }
}

async function find(spec: ProbeSpec, target: Target, signal: AbortSignal): Promise<Finding> {
  try {
    const ms = count(spec.timeoutMs, 'timeout', { least: 1, most: LONGEST_TIMEOUT_MS })
    return await within(ms, signal, async (limited) => ask(spec, target, { signal: limited }))
  } catch (error) {
    signal.throwIfAborted()
    return { health: error instanceof Unanswered ? 'unhealthy' : 'error', message: messageOf(error) }
  }
}

async function ask(spec: ProbeSpec, target: Target, options: Cancellable): Promise<Finding> {
  switch (spec.kind) {
    case 'http':
      return probeHttp(spec, target, options)
    case 'tcp':
      return probeTcp(target, options)
    case 'command':
      return probeCommand(spec, target, options)
  }
  throw new UsageError('ARGUMENT_INVALID', 'there is no such kind of probe')
}
