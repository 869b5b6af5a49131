// What a rollout file may say, as one schema: it checks values, names the allowed keys, and becomes `schema.json` for editors.
// Loading this file loads zod.
import * as z from 'zod'

import { choice, flag, list, listening, mapping, named, percentage, whole } from './leaves.ts'
import type { RolloutFile } from './rollout-file.ts'
import { fileRules, stepRules } from './rules.ts'
import {
  always,
  check,
  filePath,
  health,
  run,
  server,
  smoke,
  step,
  time,
  timeOrNone,
} from './schema-parts.ts'

const steps = () => list('percentages', percentage()).superRefine(stepRules)

/** Checks a rollout file whole. Messages and paths are for `explain.ts`. */
export const rolloutSchema = mapping('a rollout, a mapping with name and strategy', {
  $schema: z.string().exactOptional(),
  name: named().describe('The service that is released'),
  strategy: choice(['canary', 'blue-green']).describe('How the new version gets its traffic'),
  version: named().describe('The version to release; the command line may name another one').exactOptional(),
  stableVersion: named().describe('The version that serves before the first rollout').exactOptional(),
  run: run.describe('How to run its versions').exactOptional(),
  versions: z
    .record(named(), run, { error: 'expected versions, got {got}' })
    .describe('How to run single versions, where that differs from run')
    .exactOptional(),
  listen: listening()
    .describe('Where clients reach the service: a port of 127.0.0.1, or host:port (a free port)')
    .exactOptional(),
  trafficSteps: steps().describe('The most the canary may get, in percent, step by step').exactOptional(),
  steps: list('steps', step).describe('The same in the words of Argo Rollouts').exactOptional(),
  validationDuration: timeOrNone()
    .describe('How long each step has to be observed and healthy (30s)')
    .exactOptional(),
  monitoringDuration: time()
    .describe('How long the new environment has to be healthy after the swap (30s)')
    .exactOptional(),
  health: health.describe('How an instance is asked whether it is well (GET /health)').exactOptional(),
  healthCheckInterval: time().describe('How often it is asked (5s)').exactOptional(),
  healthCheckThreshold: whole(1, 100).describe('Answers in a row that count (3)').exactOptional(),
  checks: list('checks', check).describe('What is asked of the traffic').exactOptional(),
  window: time().describe('How long one window of traffic is (1s)').exactOptional(),
  stagingTimeout: time()
    .describe('How long a new version may take to run and be healthy (5m)')
    .exactOptional(),
  shiftTimeout: time().describe('How long one change of traffic may take (30s)').exactOptional(),
  progressDeadline: time()
    .describe('How long a step may go without advancing before it waits for a person (30m)')
    .exactOptional(),
  degradedTimeout: time().describe('How long harm may be suspected before it counts (1m)').exactOptional(),
  retireAfter: timeOrNone()
    .describe('How long the old version stays warm after the end (0s)')
    .exactOptional(),
  drainTimeout: timeOrNone()
    .describe("How long the old version's open requests may go on; then they are cut (30s)")
    .exactOptional(),
  rollbackDrainTimeout: timeOrNone().describe('The same when traffic is taken back (5s)').exactOptional(),
  returnBudget: time()
    .describe('How long a return may stay unconfirmed before people are called (1m)')
    .exactOptional(),
  reversible: flag().describe('False for a version whose changes can not be undone (true)').exactOptional(),
  onBusy: choice(['refuse', 'supersede', 'queue'])
    .describe('What happens while another version is being released (refuse)')
    .exactOptional(),
  onInterrupt: choice(['rollback', 'detach', 'hold']).describe('What Ctrl-C does (rollback)').exactOptional(),
  smoke: z
    .union([z.literal(false), smoke], { error: 'expected smoke tests or false, got {got}' })
    .describe('Tests after the release; {} for the two built in')
    .exactOptional(),
  server: server.describe('Serves events and commands over HTTP').exactOptional(),
  stateDir: filePath()
    .describe('Where memory, proxy and logs are kept, from the directory of this file on (.sluice)')
    .exactOptional(),
}).superRefine(fileRules, always) as unknown as z.ZodType<RolloutFile, RolloutFile>
