// The commands and their options. What a command does is loaded when it is asked for.
import { type Command, Option } from 'commander'

import { UsageError } from '../errors.ts'
import type { EventsCommandOptions } from './commands/events.ts'
import type { GraphFormat } from './commands/graph.ts'
import type { BackOptions } from './commands/operate.ts'
import type { RunCommandOptions } from './commands/run.ts'
import type { ValidateOptions } from './commands/validate.ts'
import type { ExitCode } from './exit-code.ts'
import { createOutput, type Globals, type Output } from './output.ts'
import { stateDirOf } from './place.ts'

/** Runs what a command does, with the global options that were given. */
export type Perform = (command: Command, action: (globals: Globals) => Promise<ExitCode>) => Promise<void>

/** What every action is told. */
interface Told {
  readonly globals: Globals
  readonly output: Output
  readonly stateDir: string
}

type Action<A extends readonly unknown[]> = (told: Told, ...args: A) => Promise<ExitCode>

const TARGET = 'a rollout, or the service whose rollout is meant'
const TIMEOUT = 'how long to wait, for example 10m (then exit code 13); for as long as it takes when left out'

/** Defines all commands on `program`. */
export function defineCommands(program: Command, perform: Perform): void {
  withGlobals(program)
  const define: Define = (name, description) => program.command(name).description(description)
  const act: Act = (command, action) => {
    withGlobals(command).action(async (...args: unknown[]) => {
      await perform(command, async (globals) => {
        const told = { globals, output: createOutput(globals), stateDir: stateDirOf(globals.stateDir) }
        // Commander gives the arguments in their order, then the options, then the command itself.
        return action(told, ...(args.slice(0, -1) as never))
      })
    })
  }
  releasing(define, act)
  looking(define, act)
  operating(define, act)
  demonstrating(define, act)
}

type Define = (name: string, description: string) => Command
type Act = <A extends readonly unknown[]>(command: Command, action: Action<A>) => void

function releasing(define: Define, act: Act): void {
  act(
    define('run', 'release what a rollout file says, or go on with it, and see it through')
      .argument('<config>', 'rollout.yaml, or rollout.config.ts')
      .option('--version <version>', 'the version to release, whatever the file says')
      .option('--service <name>', 'the service to release, whatever the file says')
      .option('--timeout <duration>', TIMEOUT),
    async ({ globals, output }, config: string, options: RunCommandOptions) =>
      (await import('./commands/run.ts')).run(config, options, { globals, output }),
  )
  act(
    define('validate', 'check a rollout file and say what it would do; nothing is touched')
      .argument('<config>', 'rollout.yaml, or rollout.config.ts')
      .option('--version <version>', 'the version to release, whatever the file says'),
    async ({ output }, config: string, options: ValidateOptions) =>
      (await import('./commands/validate.ts')).validate(config, options, output),
  )
  act(
    define(
      'down',
      'stop the proxy and all instances of the state directory; what was released stays remembered',
    ),
    async ({ output, stateDir }) => (await import('./commands/down.ts')).down(stateDir, output),
  )
}

function looking(define: Define, act: Act): void {
  act(
    define('status', 'show how services stand, or one service or rollout').argument(
      '[name]',
      'a service or a rollout',
    ),
    async ({ output, stateDir }, name: string | undefined) =>
      (await import('./commands/look.ts')).status(name, stateDir, output),
  )
  act(define('list', 'list the newest rollouts of all services'), async ({ output, stateDir }) =>
    (await import('./commands/look.ts')).list(stateDir, output),
  )
  act(
    define('events', 'print the journal, one event a line (with --json, one document a line)')
      .option('-f, --follow', 'go on with what comes; without --since, from now on')
      .option('--since <cursor>', 'begin after this cursor; 0 is everything there is')
      .option('--rollout <name>', 'only this rollout with its children, or this service'),
    async ({ output, stateDir }, options: EventsCommandOptions) =>
      (await import('./commands/events.ts')).events(options, stateDir, output),
  )
  act(
    define('graph', 'print the state machine of a strategy')
      .argument('<strategy>', 'canary, blue-green, rollback, smoke or pipeline')
      .addOption(
        new Option('--format <format>', 'as what').choices(['mermaid', 'dot', 'json']).default('mermaid'),
      ),
    async ({ globals }, strategy: string, { format }: { readonly format: GraphFormat }) =>
      (await import('./commands/graph.ts')).graph(strategy, globals.json ? 'json' : format),
  )
}

function operating(define: Define, act: Act): void {
  act(
    define('promote', 'skip what is left to wait for at this step')
      .argument('<name>', TARGET)
      .option('--full', 'skip all steps but the last'),
    async (told, name: string, { full = false }: { readonly full?: boolean }) =>
      (await operate()).send(name, { type: 'promote.requested', full }, told),
  )
  act(
    define('pause', 'freeze the traffic and the clock of a rollout').argument('<name>', TARGET),
    async (told, name: string) => (await operate()).send(name, { type: 'pause.requested' }, told),
  )
  act(define('resume', 'go on with what was left').argument('<name>', TARGET), async (told, name: string) =>
    (await operate()).send(name, { type: 'resume.requested' }, told),
  )
  act(
    goingBack(
      define('abort', 'take a rollout back, and wait until that is confirmed').argument('<name>', TARGET),
    ),
    async (told, name: string, options: BackOptions) => (await operate()).abort(name, options, told),
  )
  act(
    goingBack(
      define('rollback', 'take a service back to an earlier version, and wait until that is confirmed')
        .argument('<name>', 'a service, or one of its rollouts')
        .option('--to <version>', 'the version to go back to; the one before when left out'),
    ),
    async (told, name: string, options: BackOptions & { readonly to?: string }) =>
      (await operate()).rollback(name, options, told),
  )
}

async function operate() {
  return import('./commands/operate.ts')
}

function goingBack(command: Command): Command {
  return command
    .option('--reason <text>', 'why, for the journal')
    .option('--force', 'also from a version whose changes can not be undone')
    .option('--timeout <duration>', TIMEOUT)
}

function demonstrating(define: Define, act: Act): void {
  act(
    define('demo', 'three releases of a real service under load, one of them bad, in under a minute').option(
      '--fast',
      'with shorter steps, for CI',
    ),
    async ({ globals, output }, { fast = false }: { readonly fast?: boolean }) =>
      (await import('./commands/demo.ts')).demo({ isFast: fast, stateDir: globals.stateDir }, output),
  )
}

function withGlobals(command: Command): Command {
  return command
    .optionsGroup('Options of every command:')
    .addOption(
      new Option('--state-dir <directory>', 'where everything is remembered (default: .sluice)').argParser(
        directory,
      ),
    )
    .option('--json', 'print one JSON document to standard output')
    .option('-q, --quiet', 'say nothing about what goes on')
    .option('--no-color', 'print without colors, as NO_COLOR does')
    .option('--debug', 'show where an error came from')
}

function directory(path: string): string {
  if (path !== '' && !path.includes('\0')) return path
  throw new UsageError('ARGUMENT_INVALID', '--state-dir: expected the path of a directory')
}
