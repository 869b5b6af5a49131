import { loadConfig } from '../../config/index.ts'
import { createEngine } from '../../defaults.ts'
import type { ServiceView } from '../../engine/view.ts'
import { toPositiveMs } from '../../units.ts'
import { openControl } from '../control.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { showService } from '../follow.ts'
import { Interrupts } from '../interrupts.ts'
import { openLog } from '../log-file.ts'
import type { Globals, Output } from '../output.ts'
import { stateDirFlag, stateDirOf } from '../place.ts'
import { type Order, orderOf, serverOf } from '../run/order.ts'
import { type Result, Session } from '../run/session.ts'
import { plain } from '../text.ts'
import { openScreen } from '../view/screen.ts'
import { costWords, endWords, splitWords } from '../view/words.ts'
import { family } from '../views-of.ts'

export interface RunCommandOptions {
  readonly version?: string
  readonly service?: string
  readonly timeout?: string
}

/** Releases what a rollout file says, or goes on with it, shows it, and ends with the exit code of how it ended. */
export async function run(
  file: string,
  options: RunCommandOptions,
  { globals, output }: { readonly globals: Globals; readonly output: Output },
): Promise<ExitCode> {
  const timeoutMs = options.timeout === undefined ? null : toPositiveMs(options.timeout, '--timeout')
  const { version } = options
  const config = await loadConfig(file, { env: process.env, ...(version === undefined ? {} : { version }) })
  const order = orderOf(config, options)
  const stateDir = stateDirOf(globals.stateDir, config.options.stateDir)
  using interrupts = new Interrupts(EXIT.detached)
  await using engine = await createEngine({
    stateDir,
    logger: await openLog(stateDir),
    ...(await serverOf(config)),
  })
  await openControl(engine, stateDir)
  const screen = await openScreen({ isQuiet: output.quiet })
  const showing = showService(engine, order.service, screen)
  const result = await new Session({ engine, order, screen, interrupts, timeoutMs }).run().finally(() => {
    showing[Symbol.dispose]()
    screen.close()
  })
  const service = engine.services().find((known) => known.service === order.service)
  const flag = stateDirFlag(stateDir)
  if (result.kind === 'over') tellEnd(result, { service, flag, output })
  else tellLeft(result, { again: againFor(file, options, flag), order, flag, output })
  output.document(documentOf(result, { service, stateDir }))
  return result.exitCode
}

function tellEnd(
  { view }: Extract<Result, { kind: 'over' }>,
  {
    service,
    flag,
    output,
  }: { readonly service: ServiceView | undefined; readonly flag: string; readonly output: Output },
): void {
  const cost = costWords(view)
  output.data(endWords(view), ...(cost === null ? [] : [cost]))
  const stable = service?.stable
  if (service?.url == null || stable == null) return
  output.note(`${service.service} answers at ${service.url}`)
  output.note(
    `its proxy and ${stable.version} go on running by themselves: \`sluice down${flag}\` stops them`,
  )
}

function tellLeft(
  { view }: Result,
  {
    again,
    order,
    flag,
    output,
  }: { readonly again: string; readonly order: Order; readonly flag: string; readonly output: Output },
): void {
  if (view === null) {
    output.data('nothing was started')
    return
  }
  output.data(plain(`${view.id} is left in ${view.state} with ${splitWords(view)}: nobody watches it now`))
  output.note(`to go on: ${again}`)
  output.note(`to take it back: sluice abort ${order.service}${flag}`)
}

/** The command that goes on with it. */
function againFor(file: string, { version, service }: RunCommandOptions, flag: string): string {
  const own = [version && ` --version ${version}`, service && ` --service ${service}`].filter(Boolean)
  return `sluice run ${file}${own.join('')}${flag}`
}

function documentOf(
  { kind, exitCode, view }: Result,
  { service, stateDir }: { readonly service: ServiceView | undefined; readonly stateDir: string },
): object {
  const { rollouts = [], ...rest } = service ?? {}
  return {
    exitCode,
    over: kind === 'over',
    stateDir,
    rollout: view,
    children: view === null ? [] : family(view, rollouts).slice(1),
    service: service === undefined ? null : rest,
  }
}
