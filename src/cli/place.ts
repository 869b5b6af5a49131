// What the command keeps in a state directory.
import { join, resolve } from 'node:path'

const DEFAULT = '.sluice'

/** The state directory as an absolute path: what was asked for, else what a rollout file says, else `.sluice`. */
export function stateDirOf(asked: string | undefined, inFile?: string): string {
  return resolve(asked ?? inFile ?? DEFAULT)
}

/** How to name a state directory in a command that is shown: nothing for the default. */
export function stateDirFlag(stateDir: string): string {
  return stateDir === resolve(DEFAULT) ? '' : ` --state-dir ${stateDir}`
}

export function logIn(stateDir: string): string {
  return join(stateDir, 'sluice.log')
}

export function storeIn(stateDir: string): string {
  return join(stateDir, 'store.db')
}

/** Held by the one engine of a state directory. */
export function lockIn(stateDir: string): string {
  return join(stateDir, 'engine.lock')
}

/** Says where the running controller is asked. */
export function controlIn(stateDir: string): string {
  return join(stateDir, 'control.json')
}
