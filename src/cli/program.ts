// From arguments to an exit code.
import { readFileSync } from 'node:fs'

import { Command, CommanderError } from 'commander'

import { defineCommands } from './command-list.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { report } from './failure.ts'
import { type Globals, withoutColor } from './output.ts'

/** Runs the command and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<never> {
  // A reader that has left (`sluice events | head`) is no failure of the command.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  // A command that only waits for others has nothing of its own that would keep the process alive.
  setInterval(() => {}, 60_000)
  const code = await run(argv)
  await Promise.all([drained(process.stdout), drained(process.stderr)])
  process.exit(code)
}

async function run(argv: readonly string[]): Promise<ExitCode> {
  // What went wrong before the options were read is still said the way they ask for.
  let globals: Globals = {
    stateDir: undefined,
    json: argv.includes('--json'),
    quiet: argv.includes('--quiet'),
    debug: argv.includes('--debug'),
  }
  let exitCode: ExitCode = EXIT.ok
  const program = createProgram()
  defineCommands(program, async (command, action) => {
    globals = globalsOf(command)
    exitCode = await action(globals)
  })
  // Whatever escapes, from a timer say, ends in words and an exit code, too.
  process.on('uncaughtException', (error) => process.exit(report(error, globals)))
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    return error instanceof CommanderError ? misused(error, globals) : report(error, globals)
  }
}

function createProgram(): Command {
  return new Command('sluice')
    .description('Moves production traffic between versions, watches it, and takes it back by itself.')
    .version(versionOfPackage(), '-V, --version', 'print the version of sluice')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(sluice --help lists all commands and options)')
}

function versionOfPackage(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  return version
}

/** Commander has said it already, in words. */
function misused({ exitCode, message }: CommanderError, { json }: Globals): ExitCode {
  if (exitCode === 0) return EXIT.ok
  const error = { code: 'ARGUMENT_INVALID', message: message.replace(/^error: /, '') }
  if (json) process.stdout.write(`${JSON.stringify({ error }, null, 2)}\n`)
  return EXIT.usage
}

/** The global options, wherever they stood: before the command or after it. */
function globalsOf(command: Command): Globals {
  const given = [command.parent, command].map((each) => each?.opts() ?? {})
  if (given.some(({ color }) => color === false)) withoutColor()
  const [before = {}, after = {}] = given
  const { stateDir, json = false, quiet = false, debug = false } = { ...before, ...after }
  return { stateDir, json, quiet, debug }
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writable) resolve()
    else stream.write('', () => resolve())
  })
}
