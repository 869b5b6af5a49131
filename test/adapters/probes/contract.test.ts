import { probes } from '../../../src/adapters/probes/index.ts'
import { probeContract } from '../../../src/testing/probe-contract.ts'

probeContract('probes()', probes)
