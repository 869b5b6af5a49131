// A process of its own that appends to a store and says on standard output what was acknowledged, at once.
// Arguments: the file, the service, how many appends, and how large the text in a record is.
import { writeSync } from 'node:fs'

import { sqliteStore } from '../../src/adapters/sqlite-store/index.ts'
import type { StoredEntry } from '../../src/engine/ports.ts'

const [path = '', service = '', times = '0', size = '0'] = process.argv.slice(2)
const store = sqliteStore({ path })
const text = 'x'.repeat(Number(size))

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

function say(what: unknown): void {
  writeSync(1, `${JSON.stringify(what)}\n`)
}

/** Tries until it was its turn; null when something else than a conflict came of it. */
async function append(event: string): Promise<StoredEntry | null> {
  for (;;) {
    const version = (await store.load(service))?.version ?? 0
    const entry = { rollout: 'r', strategy: 'canary', time: 1, event, state: 'x', commands: [] }
    try {
      return await store.append(service, version, { entry, record: { event, text } })
    } catch (error) {
      if (codeOf(error) === 'STORE_CONFLICT') continue
      say({ code: codeOf(error), version: (await store.load(service))?.version ?? 0 })
      return null
    }
  }
}

for (let i = 1; i <= Number(times); i++) {
  const stored = await append(`${process.pid}-${i}`)
  if (stored === null) break
  say({ seq: stored.seq, event: stored.event })
}
await store.close()
