// A thread that opens a store on a new file at the very moment at which others do, round after round.
import { parentPort, workerData } from 'node:worker_threads'

import { sqliteStore } from '../../src/adapters/sqlite-store/index.ts'

const { dir, rounds, started }: { dir: string; rounds: number; started: Int32Array } = workerData
const failures: string[] = []

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of a thread, not a window
parentPort?.postMessage('ready')
for (let round = 1; round <= rounds; round++) {
  Atomics.wait(started, 0, round - 1)
  try {
    await sqliteStore({ path: `${dir}/${round}.db` }).close()
  } catch (error) {
    failures.push(String(error))
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of a thread, not a window
  parentPort?.postMessage(failures)
}
