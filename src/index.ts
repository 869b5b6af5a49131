// The public surface, in reading order. What is not here is not promised.

// The five parts: what a user calls.
export {
  type CanaryDeploymentResult,
  CanaryDeployment,
  type CanaryPhase,
  createCanary,
  type TrafficConfig,
} from './canary.ts'
export {
  BlueGreenDeployment,
  type BlueGreenStatus,
  createBlueGreen,
  type DeploymentEnvironment,
  type DeploymentResult,
  type DeploymentStatus,
  type EnvironmentState,
} from './blue-green.ts'
export {
  type ActiveDeployment,
  createRollbackManager,
  type DeploymentSnapshot,
  RollbackManager,
  type RollbackOrder,
  type RollbackReason,
  type RollbackResult,
  type RollbackStatus,
} from './rollback.ts'
export {
  createSmokeTests,
  SmokeTests,
  type SmokeTestSuite,
  type TestAttempt,
  type TestResult,
  type TestSeverity,
  type TestStatus,
} from './smoke.ts'
export { createPipeline, DeploymentPipeline, type PipelineResult, type PipelineStage } from './pipeline.ts'
export type { ReleaseResult } from './release.ts'

// What they are told.
export type {
  BlueGreenOptions,
  CanaryOptions,
  DeployConfig,
  ExpectOptions,
  HttpTestOptions,
  PipelineOptions,
  ProbeOptions,
  RollbackOptions,
  RunOptions,
  ServiceOptions,
  SmokeOptions,
  SmokeTestOptions,
  TestContext,
  TestFunction,
} from './options.ts'
export { type Check, type CheckOptions, errorRate, latency } from './analysis/checks.ts'
export { defineRollout, type RolloutFile } from './config/rollout-file.ts'
export type { Duration } from './units.ts'

// The engine they share, and what can be seen of it.
export { createEngine, type EngineOptions } from './defaults.ts'
export type { Engine } from './engine/engine.ts'
export type { Logger } from './engine/log.ts'
export type { RolloutInspector } from './engine/inspector.ts'
export type { Returnability } from './engine/admission.ts'
export type {
  EngineView,
  EventsOptions,
  HealthChecks,
  Lagged,
  RequestLedger,
  RevisionView,
  RollbackRequest,
  RolloutView,
  ServiceView,
  StepLedger,
  VersionLedger,
  VersionView,
} from './engine/view.ts'

// What happens, and how it is judged.
export type { Envelope } from './events/envelope.ts'
export type { RolloutEvent, RolloutEventOf, OperatorEvent } from './events/rollout-event.ts'
export type { Cause, Ending, Outcome } from './events/outcome.ts'
export type { Generation } from './events/generation.ts'
export type { Share, Split } from './events/share.ts'
export type { MetricsSnapshot } from './analysis/sample.ts'
export type { Verdict } from './analysis/verdict.ts'

// For adapters of your own; each port's contract suite is in `sluice/testing`.
export type {
  Adapters,
  Backend,
  Cancellable,
  Clock,
  Deployable,
  GenerationCounts,
  HealthProbe,
  Instance,
  InstanceEvent,
  JournalEntry,
  Listen,
  MetricsSource,
  Platform,
  ProbeAnswer,
  ProbeSpec,
  Route,
  RouterCapabilities,
  RunSpec,
  Store,
  StoredEntry,
  StoredRecord,
  TestRunner,
  TestSpec,
  TrafficRouter,
} from './engine/ports.ts'
export type { Counts, MetricsWindow, Sample } from './analysis/sample.ts'
export type { Histogram } from './analysis/histogram.ts'
export type { Endpoint, TestAnswer } from './events/rollout-event.ts'
export { AdapterError, type ErrorCode, UsageError } from './errors.ts'
