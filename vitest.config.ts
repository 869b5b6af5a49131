import { defineConfig } from 'vitest/config'

const inCi = process.env['CI'] !== undefined

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Tests start real servers and processes, on machines that are shared: generous limits, and a process per file.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    // `.ci/run` counts from the second one; people read the first.
    reporters: inCi ? ['default', 'json'] : ['default'],
    outputFile: { json: 'node_modules/.cache/tests.json' },
  },
})
