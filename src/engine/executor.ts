// Carries out commands: concurrently, each until it is true or a newer one about the same thing replaces it.
import { AdapterError, messageOf, UsageError } from '../errors.ts'
import { compareGenerations } from '../events/generation.ts'
import type { RolloutEvent } from '../events/rollout-event.ts'
import { shareOf, type Split } from '../events/share.ts'
import { type Command, resourceOf } from '../machines/command.ts'
import { backOffMs, sleep, unlessAborted, within } from './back-off.ts'
import type { Logger } from './log.ts'
import type { Findings } from './plan.ts'
import type { Adapters, Clock, Route, RouterCapabilities } from './ports.ts'
import { endpointsOf, type RolloutRecord, type ServiceRecord } from './record.ts'
import type { RolloutLogs } from './rollout-logs.ts'
import { untilHealthy } from './staging.ts'
import type { StepLedger } from './view.ts'

/** What came of a command, told to the rollout that asked. */
export interface Answer {
  readonly event: RolloutEvent
  readonly findings?: Findings
}

/** What the executor needs of the service it works for. */
export interface Executable {
  record(): ServiceRecord
  rollout(id: string): RolloutRecord | undefined
  answer(rollout: string, answer: Answer): void
  startChild(rollout: string, command: Extract<Command, { type: 'startChild' }>): Promise<void>
  tellChild(rollout: string, command: Extract<Command, { type: 'tellChild' }>): Promise<void>
  ledgers(rollout: string): Promise<readonly StepLedger[] | null>
  park(rollout: string, reason: string): void
}

export interface ExecutorDeps {
  readonly adapters: Adapters
  readonly clock: Clock
  readonly log: Logger
  readonly logs: RolloutLogs
}

interface Task {
  readonly rollout: string
  readonly command: Command
  readonly abort: AbortController
}

/** How often a platform may fail to start a version before that is the answer. */
const START_ATTEMPTS = 3
/** How long a router may take for one change before it is asked again. */
const SHIFT_MS = 10_000
/** What traffic is called among the things that commands are about. */
const TRAFFIC = 'traffic'
/** In place of a rollout: nobody waits for the answer. */
const NOBODY = ''

export class Executor {
  readonly #service: Executable
  readonly #deps: ExecutorDeps
  readonly #tasks = new Map<string, Task>()

  constructor(service: Executable, deps: ExecutorDeps) {
    this.#service = service
    this.#deps = deps
  }

  /** Starts to carry out a command; an older one about the same thing is abandoned. */
  perform(rollout: string, command: Command): void {
    const resource = scoped(rollout, command)
    const before = this.#tasks.get(resource)
    if (before !== undefined && isOlder(command, before.command)) return
    if (command.type === 'drainVersion' && this.#isServing(command.params.version)) return
    if (command.type === 'shiftTraffic') this.#keepOpen(command.params.split)
    before?.abort.abort(new Error('replaced by a newer command'))
    const task: Task = { rollout, command, abort: new AbortController() }
    this.#tasks.set(resource, task)
    void this.#persist(task).finally(() => {
      if (this.#tasks.get(resource) === task) this.#tasks.delete(resource)
    })
  }

  /** Whether a version gets traffic now, or is about to: its requests are nobody's to cut. */
  #isServing(version: string): boolean {
    const running = this.#tasks.get(TRAFFIC)?.command
    const split =
      running?.type === 'shiftTraffic' ? running.params.split : this.#service.record().route?.split
    return shareOf(split ?? [], version) > 0
  }

  /** A version that gets traffic again is not drained any more. */
  #keepOpen(split: Split): void {
    for (const { command, abort } of this.#tasks.values()) {
      const isDrained = command.type === 'drainVersion' && shareOf(split, command.params.version) > 0
      if (isDrained) abort.abort(new Error('the version gets traffic again'))
    }
  }

  /** The same after a break: what is being carried out already goes on. */
  resume(rollout: string, command: Command): void {
    const running = this.#tasks.get(scoped(rollout, command))
    const isRunning =
      running?.rollout === rollout && JSON.stringify(running.command) === JSON.stringify(command)
    if (!isRunning) this.perform(rollout, command)
  }

  /** Makes `route` true once more, for instances that have moved; a change that is under way is made anew instead. */
  reroute(route: ServiceRecord['route']): void {
    const running = this.#tasks.get(TRAFFIC)
    if (running !== undefined) this.perform(running.rollout, running.command)
    else if (route !== null) this.perform(NOBODY, { type: 'shiftTraffic', params: route })
  }

  /** Abandons what was still being done for a rollout. */
  drop(rollout: string): void {
    for (const task of this.#tasks.values()) {
      if (task.rollout === rollout) task.abort.abort(new Error('the rollout has ended'))
    }
  }

  close(): void {
    for (const { abort } of this.#tasks.values()) abort.abort(new Error('the engine is closing'))
  }

  async #persist(task: Task): Promise<void> {
    const { rollout, command } = task
    const { signal } = task.abort
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const answer = await this.#limited(task)
        if (!signal.aborted && answer !== null) this.#service.answer(rollout, answer)
        return
      } catch (error) {
        if (signal.aborted) return
        const failed = { command: command.type, attempt, reason: messageOf(error) }
        this.#deps.logs.of(rollout).warn(failed, 'a command failed')
        if (isUnbound(command, error)) return this.#service.park(rollout, messageOf(error))
        const final = finalAnswer(command, error, attempt)
        if (final !== null) return this.#service.answer(rollout, { event: final })
        await sleep(this.#deps.clock, backOffMs(attempt), signal)
      }
    }
  }

  /** A change of traffic that gets no answer is asked for again: a call that hangs may never come back. */
  #limited(task: Task): Promise<Answer | null> {
    const { signal } = task.abort
    if (task.command.type !== 'shiftTraffic') return unlessAborted(this.#attempt(task, signal), signal)
    const limit = { clock: this.#deps.clock, ms: SHIFT_MS, signal }
    return within(limit, (either) => this.#attempt(task, either))
  }

  async #attempt({ rollout, command }: Task, signal: AbortSignal): Promise<Answer | null> {
    const { adapters } = this.#deps
    const { service } = this.#service.record()
    switch (command.type) {
      case 'shiftTraffic': {
        const { generation } = command.params
        const route = this.#route(rollout, command)
        const applied = await adapters.router.apply(route, { signal })
        const read = readBack(command.params, applied, adapters.router.capabilities)
        const event: RolloutEvent = { type: 'traffic.shifted', generation, split: read }
        return this.#withLedger(rollout, event, { listen: applied.listen })
      }
      case 'drainVersion': {
        const { version, ms } = command.params
        const { cut } = await adapters.router.drain({ service, version, ms }, { signal })
        return this.#withLedger(rollout, { type: 'traffic.drained', version, cut })
      }
      case 'startVersion':
        return { event: await this.#start(command.params.version, signal) }
      case 'stopVersion': {
        const { version } = command.params
        await adapters.platform.stop({ service, version }, { signal })
        return { event: { type: 'version.stopped', version } }
      }
      case 'runTest':
        return { event: await this.#test(rollout, command, signal) }
      case 'startChild':
        await this.#service.startChild(rollout, command)
        return null
      case 'tellChild':
        await this.#service.tellChild(rollout, command)
        return null
      case 'page':
        this.#deps.logs.of(rollout).error({ reason: command.params.message }, 'a person is needed')
        return null
      case 'startTimer':
      case 'cancelTimer':
        return null
    }
  }

  /** The whole route that a command asks for, with where the instances of each version are now. */
  #route(rollout: string, { params }: Extract<Command, { type: 'shiftTraffic' }>): Route {
    const { service, listen, versions } = this.#service.record()
    if (listen === null)
      throw new AdapterError('ROUTER_FAILED', `${rollout}: nobody said where ${service} listens`)
    const backends = params.split.map((share) => ({
      ...share,
      endpoints: endpointsOf(versions, share.version),
    }))
    const lost = backends.find(({ weight, endpoints }) => weight > 0 && endpoints.length === 0)
    if (lost !== undefined) throw new AdapterError('ROUTER_FAILED', `no instance of ${lost.version} is known`)
    return { service, listen, generation: params.generation, backends }
  }

  async #withLedger(rollout: string, event: RolloutEvent, found: Findings = {}): Promise<Answer> {
    const ledgers = await this.#service.ledgers(rollout)
    return { event, findings: ledgers === null ? found : { ...found, ledgers } }
  }

  async #start(version: string, signal: AbortSignal): Promise<RolloutEvent> {
    const { service, versions } = this.#service.record()
    const known = versions.find((candidate) => candidate.version === version)
    if (known === undefined) throw new UsageError('ARGUMENT_INVALID', `nobody said how to run ${version}`)
    const { adapters, clock } = this.#deps
    await adapters.platform.start({ service, version, run: known.run }, { signal })
    const endpoints = await untilHealthy(
      { adapters, clock, signal },
      {
        service,
        version,
        health: known.health,
        replicas: known.run.replicas,
      },
    )
    return { type: 'version.ready', version, endpoints }
  }

  async #test(
    rollout: string,
    { params }: Extract<Command, { type: 'runTest' }>,
    signal: AbortSignal,
  ): Promise<RolloutEvent> {
    const spec = this.#service.rollout(rollout)?.spec
    const found =
      spec?.strategy === 'smoke' ? spec.tests.find(({ test }) => test.name === params.test) : undefined
    const { test, attempt, ms } = params
    if (spec?.strategy !== 'smoke' || found === undefined) {
      throw new UsageError('UNBOUND_NAME', `no smoke test is called ${test}`)
    }
    const url = spec.endpointUrl ?? endpointsOf(this.#service.record().versions, spec.version)[0]?.url
    const answer =
      url === undefined
        ? { status: 'failed' as const, message: `no instance of ${spec.version} is known`, durationMs: 0 }
        : await this.#ask(
            { test: found.test, ms, signal },
            { service: spec.service, url, version: spec.version },
          )
    return { type: 'test.concluded', test, attempt, answer }
  }

  /** One attempt, given up after its time even when it ignores its signal. */
  async #ask(
    { test, ms, signal }: { test: Parameters<Adapters['tests']['run']>[0]; ms: number; signal: AbortSignal },
    target: Parameters<Adapters['tests']['run']>[1],
  ): ReturnType<Adapters['tests']['run']> {
    const { adapters, clock } = this.#deps
    const started = clock.now()
    try {
      return await within({ clock, ms, signal }, (either) =>
        adapters.tests.run(test, target, { signal: either }),
      )
    } catch (error) {
      if (signal.aborted || error instanceof UsageError) throw error
      return { status: 'failed', message: messageOf(error), durationMs: clock.now() - started }
    }
  }
}

/** What a router was read back to do: what it was asked for, as exactly as it can. */
function readBack(
  { split, generation }: Extract<Command, { type: 'shiftTraffic' }>['params'],
  applied: Route,
  { granularity }: RouterCapabilities,
): Split {
  const read = applied.backends.map(({ version, weight }) => ({ version, weight }))
  const versions = [...split, ...read].map(({ version }) => version)
  const isAsAsked = versions.every(
    (version) => Math.abs(shareOf(read, version) - shareOf(split, version)) < Math.max(1, granularity),
  )
  if (!isAsAsked || compareGenerations(applied.generation, generation) !== 0) {
    throw new AdapterError('ROUTER_FAILED', 'the router was read back to do something else')
  }
  return split.length === 0 ? [] : read
}

/** Traffic, versions and drains belong to the service, whoever asks; tests and children to the one rollout. */
function scoped(rollout: string, command: Command): string {
  const resource = resourceOf(command)
  const isShared = resource === TRAFFIC || /^(?:version|drain):/.test(resource)
  return isShared ? resource : `${rollout} ${command.type} ${resource}`
}

/** A change of traffic does not give way to one that is older: the router would refuse that anyway. */
function isOlder(command: Command, running: Command): boolean {
  return (
    command.type === 'shiftTraffic' &&
    running.type === 'shiftTraffic' &&
    compareGenerations(command.params.generation, running.params.generation) < 0
  )
}

/** Whether a name in the rollout means nothing here: trying again does not help, and nothing is skipped. */
function isUnbound({ type }: Command, error: unknown): boolean {
  if (type === 'startChild') return !(error instanceof AdapterError)
  return error instanceof UsageError && error.code === 'UNBOUND_NAME'
}

/** The event that says no for good; null when asking again may help. */
function finalAnswer(command: Command, error: unknown, attempt: number): RolloutEvent | null {
  const reason = messageOf(error)
  const isRefused = error instanceof AdapterError && error.code === 'ROUTER_STALE_GENERATION'
  if (command.type === 'shiftTraffic' && (isRefused || error instanceof UsageError)) {
    return { type: 'traffic.rejected', generation: command.params.generation, reason }
  }
  if (command.type === 'startVersion' && (error instanceof UsageError || attempt + 1 >= START_ATTEMPTS)) {
    return { type: 'version.failed', version: command.params.version, reason }
  }
  if (command.type === 'runTest') {
    const { test, attempt: n } = command.params
    return {
      type: 'test.concluded',
      test,
      attempt: n,
      answer: { status: 'failed', message: reason, durationMs: 0 },
    }
  }
  return null
}
