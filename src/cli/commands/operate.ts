// What a person asks of a rollout that goes on: through the controller that runs it. Going back needs none: where none runs,
// `abort` and `rollback` are one themselves for as long as that takes.
import type { RollbackRequest, RolloutView, ServiceView } from '../../engine/view.ts'
import { AdapterError, UsageError } from '../../errors.ts'
import type { OperatorEvent } from '../../events/rollout-event.ts'
import { toPositiveMs } from '../../units.ts'
import { reachControl } from '../control.ts'
import { EXIT, type ExitCode, exitCodeOf, needsPerson } from '../exit-code.ts'
import { seeThrough } from '../follow.ts'
import { openStore } from '../offline.ts'
import type { Output } from '../output.ts'
import { person } from '../person.ts'
import { stateDirFlag } from '../place.ts'
import { plain } from '../text.ts'
import { openScreen } from '../view/screen.ts'
import { costWords, endWords, splitWords } from '../view/words.ts'

/** Something to ask of. */
interface Asked extends AsyncDisposable {
  services(): Promise<readonly ServiceView[]> | readonly ServiceView[]
  send(rollout: string, event: OperatorEvent): Promise<RolloutView>
  rollback(service: string, request: RollbackRequest): Promise<RolloutView>
}

export interface Where {
  readonly stateDir: string
  readonly output: Output
}

/**
 * Sends an event to a rollout, or to the one that holds a service, and says what it led to.
 * @throws AdapterError `UNREACHABLE` when no controller runs
 */
export async function send(
  target: string,
  event: OperatorEvent,
  { stateDir, output }: Where,
): Promise<ExitCode> {
  const control = await reachControl(stateDir)
  if (control === null) throw await nobody(stateDir)
  await using asked = withRemote(control)
  const { id } = rolloutOf(await asked.services(), target)
  const view = await asked.send(id, { ...event, by: person() })
  output.data(plain(`${view.id} ${view.state}, ${splitWords(view)}`))
  output.document({ rollout: view })
  return EXIT.ok
}

export interface BackOptions {
  readonly reason?: string
  readonly force?: boolean
  /** How long to wait for its end, as a duration. */
  readonly timeout?: string
}

/** Takes a rollout back, and waits until that is confirmed. */
export async function abort(
  target: string,
  { reason, force = false, timeout }: BackOptions,
  where: Where,
): Promise<ExitCode> {
  const event: OperatorEvent = {
    type: 'abort.requested',
    force,
    by: person(),
    ...(reason === undefined ? {} : { reason }),
  }
  return goBack(timeout, where, async (asked) => {
    const view = rolloutOf(await asked.services(), target)
    // Safe to ask twice: what goes back already is only waited for.
    return view.state.startsWith('rolling-back') || view.state === 'aborting'
      ? view
      : asked.send(view.id, event)
  })
}

/** Takes a service back to an earlier version, and waits until that is confirmed. */
export async function rollback(
  target: string,
  { to, timeout, reason, force = false }: BackOptions & { readonly to?: string },
  where: Where,
): Promise<ExitCode> {
  const request: RollbackRequest = {
    force,
    by: person(),
    ...(reason === undefined ? {} : { reason }),
    ...(to === undefined ? {} : { targetVersion: to }),
  }
  return goBack(timeout, where, async (asked) =>
    asked.rollback(serviceOf(await asked.services(), target).service, request),
  )
}

async function goBack(
  timeout: string | undefined,
  { stateDir, output }: Where,
  ask: (asked: Asked) => Promise<RolloutView>,
): Promise<ExitCode> {
  const signal =
    timeout === undefined
      ? new AbortController().signal
      : AbortSignal.timeout(toPositiveMs(timeout, '--timeout'))
  await using asked = await controllerOrOwn({ stateDir, output })
  const { id } = await ask(asked)
  const store = await openStore(stateDir)
  if (store === null) throw new AdapterError('STORE_UNAVAILABLE', `the store of ${stateDir} is gone`)
  const screen = await openScreen({ isQuiet: output.quiet })
  try {
    const view = await seeThrough(store, id, { screen, signal })
    const cost = costWords(view)
    output.data(endWords(view), ...(cost === null ? [] : [cost]))
    output.document({ rollout: view })
    return codeFor(view)
  } finally {
    screen.close()
    await store.close()
  }
}

/** It was to go back: that it did is success. */
function codeFor(view: RolloutView): ExitCode {
  switch (view.outcome?.status) {
    case 'rolled-back':
    case 'aborted':
      return EXIT.ok
    case 'failed':
      // A first release is back when it is routed nowhere; a rollback that failed is not back.
      return view.strategy === 'rollback' ? EXIT.failed : EXIT.ok
    default:
      return needsPerson(view) ? EXIT.needsPerson : exitCodeOf(view)
  }
}

type Controlled = NonNullable<Awaited<ReturnType<typeof reachControl>>>

function withRemote({ remote, ...control }: Controlled): Asked {
  return {
    services: async () => remote.services(),
    send: async (rollout, event) => remote.send(rollout, event),
    rollback: async (service, request) => remote.rollback(service, request),
    [Symbol.asyncDispose]: async () => control[Symbol.asyncDispose](),
  }
}

async function controllerOrOwn({ stateDir, output }: Where): Promise<Asked> {
  const control = await reachControl(stateDir)
  if (control !== null) return withRemote(control)
  if ((await openStore(stateDir).then(async (store) => store?.close() ?? null)) === null)
    throw await nobody(stateDir)
  output.note('no controller is running: this command is one until it is done')
  const [{ createEngine }, { openLog }] = await Promise.all([
    import('../../defaults.ts'),
    import('../log-file.ts'),
  ])
  return createEngine({ stateDir, logger: await openLog(stateDir) })
}

async function nobody(stateDir: string): Promise<Error> {
  const flag = stateDirFlag(stateDir)
  const store = await openStore(stateDir)
  await store?.close()
  if (store === null) {
    return new UsageError('ROLLOUT_UNKNOWN', `nothing was released yet in ${stateDir}`, {
      hint: 'Name the directory that `sluice run` uses with --state-dir',
    })
  }
  return new AdapterError('UNREACHABLE', `no controller is running in ${stateDir}`, {
    hint: `\`sluice run <config>${flag}\` goes on with what is not over; \`sluice abort\` and \`sluice rollback\` need none`,
  })
}

/** A rollout by its id, or the one that holds a service by its name. */
function rolloutOf(services: readonly ServiceView[], target: string): RolloutView {
  const all = services.flatMap(({ rollouts }) => rollouts)
  const named = all.find(({ id }) => id === target)
  if (named !== undefined) return named
  const { service, active } = serviceOf(services, target)
  const holder = all.find(({ id }) => id === active)
  if (holder !== undefined) return holder
  throw new UsageError('EVENT_REFUSED', `nothing is being released in ${service}`, {
    hint: `\`sluice rollback ${service}\` goes back to the version before`,
  })
}

/** A service by its name, or by one of its rollouts. */
function serviceOf(services: readonly ServiceView[], target: string): ServiceView {
  const found = services.find(
    ({ service, rollouts }) => service === target || rollouts.some(({ id }) => id === target),
  )
  if (found !== undefined) return found
  throw new UsageError('ROLLOUT_UNKNOWN', `no service and no rollout is called ${target.slice(0, 100)}`, {
    hint: '`sluice list` shows all of them',
  })
}
