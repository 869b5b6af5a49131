import { metricsContract } from '../../../src/testing/metrics-contract.ts'
import { routerContract } from '../../../src/testing/router-contract.ts'
import { proxyInItsDirectory } from './kit.ts'

routerContract('the embedded proxy', proxyInItsDirectory)
metricsContract('the embedded proxy', proxyInItsDirectory)
