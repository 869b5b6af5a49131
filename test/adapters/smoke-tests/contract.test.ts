import { smokeTests } from '../../../src/adapters/smoke-tests/index.ts'
import { testRunnerContract } from '../../../src/testing/test-runner-contract.ts'

testRunnerContract('smokeTests()', () => {
  const runner = smokeTests()
  return { runner, bind: (service, name, fn) => runner.bind(service, name, fn) }
})
