import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { sqliteStore } from '../../src/adapters/sqlite-store/index.ts'
import type { Store } from '../../src/engine/ports.ts'
import { storeContract } from '../../src/testing/store-contract.ts'

/** A directory that is gone when the test ends, and stores on one file in it that are closed then. */
async function scratch() {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-store-'))
  const path = join(dir, 'store.db')
  const stores: Store[] = []
  const open = (): Store => {
    const store = sqliteStore({ path })
    stores.push(store)
    return store
  }
  return {
    dir,
    path,
    open,
    [Symbol.asyncDispose]: async () => {
      for (const store of stores) await store.close()
      await rm(dir, { recursive: true })
    },
  }
}

storeContract('the SQLite store', async () => {
  const place = await scratch()
  const { open } = place
  return {
    store: open(),
    reopen: async () => open(),
    [Symbol.asyncDispose]: async () => place[Symbol.asyncDispose](),
  }
})
