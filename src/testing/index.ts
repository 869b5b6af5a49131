// `sluice/testing`: for those who write adapters, and for tests of what is built on Sluice. It is the one part that loads
// vitest, and is to be imported in its test files only.

// What an adapter has to keep, port by port. Each takes a name and a function that opens what is tested.
export { type RouterUnderTest, routerContract } from './router-contract.ts'
export { type MeteredRouter, metricsContract } from './metrics-contract.ts'
export { platformContract, type PlatformUnderTest } from './platform-contract.ts'
export { probeContract } from './probe-contract.ts'
export { testRunnerContract, type TestRunnerUnderTest } from './test-runner-contract.ts'
export { storeContract, type StoreUnderTest } from './store-contract.ts'
export { clockContract, type ClockUnderTest } from './clock-contract.ts'

// Real servers to test against, and requests between them.
export { type Backend, backend, versionServer, type VersionServer } from './version-server.ts'
export { deadUrl, type RawServer, rawServer } from './raw-server.ts'
export { eventually, type Seen, trafficRig, type TrafficRig } from './traffic-rig.ts'

// A world of its own, in memory and in virtual time.
export { type VirtualClock, virtualClock } from './virtual-clock.ts'
export {
  type Controller,
  SimulatedWorld,
  type VersionBehaviour,
  type WorldOptions,
} from './simulated/world.ts'
export { type Fault } from './simulated/fault.ts'
export { type StoreFault } from './simulated/store.ts'

// Machines by themselves: in a world that answers, late, twice or never, and in every state that they can reach.
export { type History, live, type Moment, type Setting } from './world/world.ts'
export { explore, type ExploreOptions, type Exploration, type Place, type Walk } from './explore.ts'
export { type Cast } from './offers.ts'
