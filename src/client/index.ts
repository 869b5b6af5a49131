import type { Complaints } from '../engine/fence.ts'
import { type Fetch, Http } from './http.ts'
import { HttpRemote, type Remote } from './remote.ts'

export type {
  EventsOptions,
  RequestLedger,
  RevisionView,
  RollbackRequest,
  RolloutView,
  ServiceView,
  StepLedger,
  VersionLedger,
  VersionView,
} from '../engine/view.ts'
export { AdapterError, type ErrorCode, UsageError } from '../errors.ts'
export type { CloudEvent } from '../events/cloud-event.ts'
export type { Envelope } from '../events/envelope.ts'
export type { OperatorEvent, RolloutEvent, RolloutEventOf } from '../events/rollout-event.ts'
export type { CallOptions, Remote } from './remote.ts'

export interface ConnectOptions {
  /** Shown as a bearer token; necessary where the engine is served beyond loopback. */
  readonly token?: string
  /** Asks instead of the global `fetch`: through a unix socket, say. */
  readonly fetch?: Fetch
  /** Closes it: every stream and every call ends. */
  readonly signal?: AbortSignal
  /** Hears of subscribers that throw: a logger. @defaultValue nobody */
  readonly log?: Complaints
}

/**
 * An engine that is served somewhere else. Nothing is asked before something is wanted, so this never fails because nobody
 * is there.
 *
 * @example
 * ```ts
 * const sluice = connect('http://127.0.0.1:7070')
 * sluice.events$.subscribe(({ rollout, event, state }) => console.log(rollout, event.type, state))
 * sluice.state$('shop-1').subscribe({ next: ({ split }) => console.log(split), complete: () => sluice.close() })
 * ```
 * @throws UsageError `ARGUMENT_INVALID` for what is no URL of HTTP, or has a password in it
 */
export function connect(url: string | URL, options: ConnectOptions = {}): Remote {
  const { token = null, fetch = globalThis.fetch, signal, log = SILENT } = options
  return new HttpRemote({ http: new Http(url, { token, fetch }), log, signal })
}

const SILENT: Complaints = { warn() {} }
