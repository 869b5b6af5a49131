import { mkdirSync, renameSync, statSync } from 'node:fs'

import type { Logger } from '../engine/log.ts'
import { logIn } from './place.ts'

/** In bytes; a longer log gives way to a new one. */
const LARGEST_LOG = 8 << 20

/** The engine's log in a state directory, which is made when it isn't there. What goes in has to be redacted already. */
export async function openLog(stateDir: string): Promise<Logger> {
  const { destination, pino } = await import('pino')
  const path = logIn(stateDir)
  mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > LARGEST_LOG) renameSync(path, `${path}.previous`)
  // Errors are made harmless before they come here; pino's own way of showing them would take them apart again.
  const options = { level: 'info', base: null, serializers: { err: (shown: unknown) => shown } }
  const log: Logger = pino(options, destination({ dest: path, mode: 0o600, sync: true }))
  return log
}
