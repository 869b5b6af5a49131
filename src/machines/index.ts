import { blueGreen } from './blue-green.ts'
import { canary } from './canary.ts'
import type { StrategyName } from './command.ts'
import { pipeline } from './pipeline.ts'
import { rollback } from './rollback.ts'
import { smoke } from './smoke.ts'
import type { Strategy } from './strategy.ts'

export { type Activity } from './activity.ts'
export { blueGreen, blueGreenMachine } from './blue-green.ts'
export { canary, canaryMachine } from './canary.ts'
export type { Command, StrategyName } from './command.ts'
export { pipeline, pipelineMachine } from './pipeline.ts'
export type { PipelineInput } from './pipeline-words.ts'
export type { ReleaseContext, ReleaseInput, ReleaseStep } from './release-context.ts'
export { rollback, rollbackMachine } from './rollback.ts'
export type { RollbackInput } from './rollback-words.ts'
export { smoke, type SmokeInput, smokeMachine } from './smoke.ts'
export { type Ready, stepper } from './step.ts'
export { pathOf, type ReservedReturn, type Strategy } from './strategy.ts'
export type { SuiteTest, TestRun } from './suite.ts'

/** Every strategy by its name: machines, specs and journals name each other by string. */
export const strategies: Readonly<Record<StrategyName, Strategy>> = {
  'blue-green': blueGreen,
  canary,
  pipeline,
  rollback,
  smoke,
}
