import { access, constants } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import type { Fault } from './page.ts'
import type { Path } from './problem.ts'
import { isReference } from './secrets.ts'
import { named, rangeOf, type Source, valueAt } from './source.ts'

/** Variables of the environment by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The references that name nothing: a variable that is not set, a file that can't be read. */
export async function danglingReferences(
  { data, spot }: Source,
  { env, path }: { readonly env: Environment; readonly path: string },
): Promise<readonly Fault[]> {
  const faults: Fault[] = []
  for (const [at, reference] of referencesOf(data)) {
    const message = await faultOf(reference, { env, directory: dirname(path) })
    if (message !== null) faults.push(named({ message, path: at, range: rangeOf(spot, at, 'value') }))
  }
  return faults
}

async function faultOf(
  reference: string,
  { env, directory }: { readonly env: Environment; readonly directory: string },
): Promise<string | null> {
  const [, kind, name = ''] = /^(env|file):(.*)$/s.exec(reference) ?? []
  const isSet = Object.hasOwn(env, name) && env[name] !== undefined
  if (kind === 'env') return isSet ? null : `${name} is not set in the environment`
  const file = resolve(directory, name)
  try {
    await access(file, constants.R_OK)
    return null
  } catch {
    return `${file} can not be read`
  }
}

/** References stand where secrets would: in environments, headers and tokens. Only those that will be used count. */
function* referencesOf(data: unknown): Generator<readonly [Path, string]> {
  const { run, versions, version, stableVersion, smoke, server } = (data ?? {}) as Readonly<
    Record<string, unknown>
  >
  const used = [version, stableVersion].filter((one) => typeof one === 'string')
  yield* referencesIn(run, ['run'])
  for (const one of used) yield* referencesIn(valueAt(versions, [one]), ['versions', one])
  yield* referencesIn(smoke, ['smoke'])
  yield* referencesIn(server, ['server'])
}

function* referencesIn(value: unknown, path: Path): Generator<readonly [Path, string]> {
  const [parent, key] = path.slice(-2)
  if (isReference(value) && (parent === 'env' || parent === 'headers' || key === 'token')) yield [path, value]
  if (typeof value !== 'object' || value === null) return
  for (const [name, part] of Object.entries(value)) {
    yield* referencesIn(part, [...path, Array.isArray(value) ? Number(name) : name])
  }
}
