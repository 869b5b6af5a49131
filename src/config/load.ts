import { extname, resolve } from 'node:path'

import { name } from '../units.ts'
import { configOf } from './convert.ts'
import { explain } from './explain.ts'
import { refusal, textOf } from './file-text.ts'
import { readModule } from './module-source.ts'
import type { Fault } from './page.ts'
import { formatPlan, planOf, type RolloutPlan } from './plan.ts'
import { ConfigError, formatPath, type Path, printable, type Problem } from './problem.ts'
import { danglingReferences, type Environment } from './references.ts'
import type { RolloutConfig } from './rollout-config.ts'
import { rolloutSchema } from './schema.ts'
import type { Source } from './source.ts'
import { readYaml } from './yaml-source.ts'

export interface LoadOptions {
  /** The version to release, whatever the file says. */
  readonly version?: string
  /** What `env:NAME` refers to: with it, every reference has to name something. @defaultValue references are not looked up */
  readonly env?: Environment
}

/** What came of looking at a file without doing anything. */
export type Validation =
  | {
      readonly valid: true
      readonly config: RolloutConfig
      readonly plan: RolloutPlan
      readonly text: string
    }
  | { readonly valid: false; readonly problems: readonly Problem[]; readonly text: string }

const DATA = ['.yaml', '.yml', '.json']
const MODULES = ['.ts', '.mts', '.js', '.mjs']

/**
 * Reads and checks a rollout file: YAML, JSON, or a module whose default export is the rollout. A module runs with all the
 * rights of the caller.
 * @throws ConfigError `CONFIG_INVALID` with everything that is wrong
 * @throws UsageError `ARGUMENT_INVALID` for a `version` that is no name
 */
export async function loadConfig(path: string, { version, env }: LoadOptions = {}): Promise<RolloutConfig> {
  const absolute = resolve(path)
  const read = await readSource(absolute, printable(path))
  const source = version === undefined ? read : withVersion(read, name(version, 'version'))
  const checked = source.isReadable ? rolloutSchema.safeParse(source.data, { reportInput: true }) : null
  const isLookedUp = env !== undefined && checked !== null
  const explained = explain(checked?.error?.issues ?? [], source)
  const faults = [
    ...source.faults,
    ...explained.filter(({ path: at }) => !source.faults.some((fault) => isWithin(at, fault.path))),
    ...(isLookedUp ? await danglingReferences(source, { env, path: absolute }) : []),
  ]
  if (checked?.success === true && faults.length === 0) return configOf(checked.data, absolute)
  throw new ConfigError(once(faults).map((fault) => source.page.problem(fault)))
}

/** Says what a file would do, or what is wrong with it, and does nothing. */
export async function validateConfig(path: string, options: LoadOptions = {}): Promise<Validation> {
  try {
    const config = await loadConfig(path, options)
    const plan = planOf(config)
    return { valid: true, config, plan, text: formatPlan(plan) }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { valid: false, problems: error.problems, text: error.message }
  }
}

async function readSource(path: string, file: string): Promise<Source> {
  const kind = extname(path).toLowerCase()
  if (!DATA.includes(kind) && !MODULES.includes(kind)) {
    const kinds = [...DATA, ...MODULES].join(', ')
    throw refusal(
      file,
      `no rollout is read from such a file - call it rollout.yaml or rollout.config.ts (${kinds})`,
    )
  }
  const text = await textOf(path, file)
  if (text.trim() === '')
    throw refusal(file, 'the file is empty - it has to say at least name, strategy, version and run')
  if (MODULES.includes(kind)) return readModule(text, { file, path })
  return readYaml(text, { file, isJson: kind === '.json' })
}

function withVersion(source: Source, version: string): Source {
  const { data } = source
  const isMapping = typeof data === 'object' && data !== null && !Array.isArray(data)
  return isMapping ? { ...source, data: { ...data, version } } : source
}

/** Whether something is said of a value that could not be read anyway. */
function isWithin(path: Path, unread: Path): boolean {
  return unread.length > 0 && unread.every((part, i) => path[i] === part)
}

/** In the order of the text, and one place told once for one path. */
function once(faults: readonly Fault[]): readonly Fault[] {
  const told = new Set<string>()
  return faults
    .filter(({ path, range, message }) => {
      const { size } = told
      return told.add(JSON.stringify([formatPath(path), range, message])).size > size
    })
    .toSorted((a, b) => (a.range?.[0] ?? 0) - (b.range?.[0] ?? 0))
}
