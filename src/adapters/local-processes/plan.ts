// How exactly an instance is started: what its record says, with everything filled in.
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join, resolve } from 'node:path'

import { AdapterError } from '../../errors.ts'
import { isReference, resolveReferences } from '../references/index.ts'
import { type InstanceRecord, nameOf } from './record.ts'

export interface Plan {
  /** Its path, which is absolute. */
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** The values in `env` that nobody is to see. */
  readonly secrets: readonly string[]
}

/** What a process needs of its surroundings; secrets of the controller's environment are not among it. */
const INHERITED = 'PATH HOME USER LOGNAME SHELL TMPDIR TZ LANG LC_ALL LC_CTYPE'.split(' ')
const PATH = '/usr/local/bin:/usr/bin:/bin'

/**
 * Plans the start of an instance.
 * @throws UsageError `UNBOUND_NAME` for a reference in its environment that can't be resolved
 * @throws AdapterError `PLATFORM_FAILED` when there is no such program or directory
 */
export async function planFor(record: InstanceRecord): Promise<Plan> {
  const { env: own, secrets } = await resolveEnv(record)
  const mine = { PORT: String(record.port) }
  const env: Plan['env'] = { ...inherited(), ...mine, ...own, ...identity(record) }
  const cwd = resolve(record.run.cwd)
  await checkDirectory(cwd, record)
  const [command = '', ...args] = record.run.command.map(filling(record))
  const program = await findProgram(command, { cwd, path: env['PATH'] ?? PATH })
  if (program === null) throw cannotStart(record, `there is no program ${command}`, missingHint(command))
  return { program, args, cwd, env, secrets }
}

/** What the references of an instance stand for now; null when that can't be known. */
export async function secretsOf(record: InstanceRecord): Promise<readonly string[] | null> {
  const found = await resolveEnv(record).catch(() => null)
  return found?.secrets ?? null
}

async function resolveEnv(record: InstanceRecord): Promise<Pick<Plan, 'env' | 'secrets'>> {
  const fill = filling(record)
  const filled = Object.entries(record.run.env).map(([name, value]) => [name, fill(value)] as const)
  const env = await resolveReferences(Object.fromEntries(filled))
  const secrets = filled.filter(([, value]) => isReference(value)).map(([name]) => env[name] ?? '')
  return { env, secrets }
}

/** The error that says why an instance does not start. */
export function cannotStart(record: InstanceRecord, why: string, hint: string): AdapterError {
  const message = `${nameOf(record)} of ${record.service} can't be started: ${why}`
  return new AdapterError('PLATFORM_FAILED', message, { hint })
}

function filling(record: InstanceRecord): (text: string) => string {
  const { version, service, port } = record
  const values: Readonly<Record<string, string>> = {
    version,
    service,
    port: String(port),
    instance: nameOf(record),
  }
  return (text) =>
    text.replaceAll(/\{(version|port|service|instance)\}/g, (_, name: string) => values[name] ?? '')
}

function inherited(): Readonly<Record<string, string>> {
  const found = INHERITED.map((name) => [name, process.env[name]] as const)
  const set = found.filter((entry): entry is readonly [string, string] => entry[1] !== undefined)
  return { PATH, ...Object.fromEntries(set) }
}

function identity(record: InstanceRecord): Readonly<Record<string, string>> {
  return {
    SLUICE_VERSION: record.version,
    SLUICE_SERVICE: record.service,
    SLUICE_INSTANCE: nameOf(record),
  }
}

async function checkDirectory(cwd: string, record: InstanceRecord): Promise<void> {
  const found = await stat(cwd).catch(() => null)
  if (found?.isDirectory() === true) return
  throw cannotStart(record, `there is no directory ${cwd}`, 'Set cwd to the directory it is to run in')
}

function missingHint(command: string): string {
  return command.includes('/')
    ? 'A path is relative to cwd, and its file has to be executable'
    : 'Write its path, or put its directory on the PATH of the controller'
}

async function findProgram(
  command: string,
  { cwd, path }: { readonly cwd: string; readonly path: string },
): Promise<string | null> {
  const candidates = command.includes('/')
    ? [resolve(cwd, command)]
    : path.split(delimiter).map((dir) => join(isAbsolute(dir) ? dir : resolve(cwd, dir), command))
  for (const candidate of candidates) {
    if (await isProgram(candidate)) return candidate
  }
  return null
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}
