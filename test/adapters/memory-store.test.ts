import { expect, test } from 'vitest'

import { memoryStore } from '../../src/adapters/memory-store/index.ts'
import { storeContract } from '../../src/testing/store-contract.ts'

storeContract('the memory store', async () => {
  const store = memoryStore()
  return { store, [Symbol.asyncDispose]: async () => store.close() }
})

test('the memory store claims no durability', () => {
  expect(memoryStore().durability).toBe('none')
})
