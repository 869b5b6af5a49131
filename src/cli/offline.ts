// What a store says of itself, without an engine: read only, so that it can be asked while a controller works in it.
import { existsSync } from 'node:fs'

import type { Store } from '../engine/ports.ts'
import { isServiceRecord } from '../engine/record.ts'
import type { ServiceView } from '../engine/view.ts'
import { serviceView } from '../engine/views.ts'
import { AdapterError } from '../errors.ts'
import { storeIn } from './place.ts'

/** Opens the store of a state directory; null when nothing was ever released in it. */
export async function openStore(stateDir: string): Promise<Store | null> {
  const path = storeIn(stateDir)
  if (!existsSync(path)) return null
  const { sqliteStore } = await import('../adapters/sqlite-store/index.ts')
  return sqliteStore({ path })
}

/**
 * All services of a store, by name.
 * @throws AdapterError `STORE_CORRUPT` for a record that can't be read
 */
export async function servicesIn(store: Store): Promise<readonly ServiceView[]> {
  return (await store.list()).map(({ service, record }) => {
    if (isServiceRecord(record)) return serviceView(record)
    throw new AdapterError('STORE_CORRUPT', `the record of ${service} can't be read`)
  })
}
