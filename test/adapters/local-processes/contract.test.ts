import { platformContract } from '../../../src/testing/platform-contract.ts'
import { platformInItsDirectory } from './kit.ts'

platformContract('local processes', platformInItsDirectory)
