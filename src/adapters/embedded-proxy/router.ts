import type { Cancellable, Route, RouterCapabilities, TrafficRouter } from '../../engine/ports.ts'
import type { Controller } from './controller.ts'
import { decodeRoute } from './decode.ts'

const CAPABILITIES: RouterCapabilities = { granularity: 1, drain: 'exact', fences: true }

/**
 * The embedded proxy as a {@link TrafficRouter}. A route that can't be right is refused (`UsageError`) before the proxy is
 * asked. The split is exact to the request. A version that still has weight can be drained as well: new requests go on
 * coming, so it usually is cut at the deadline.
 */
export class EmbeddedRouter implements TrafficRouter {
  readonly capabilities = CAPABILITIES
  readonly #controller: Controller

  constructor(controller: Controller) {
    this.#controller = controller
  }

  async apply(route: Route, { signal }: Cancellable): Promise<Route> {
    return this.#controller.ask<'apply'>({ op: 'apply', route: decodeRoute(route) }, { signal })
  }

  async read(service: string, { signal }: Cancellable): Promise<Route | null> {
    return this.#controller.ask<'read'>({ op: 'read', service }, { signal })
  }

  async drain(
    { service, version, ms }: { readonly service: string; readonly version: string; readonly ms: number },
    { signal }: Cancellable,
  ): Promise<{ readonly cut: number }> {
    return this.#controller.ask<'drain'>({ op: 'drain', service, version, ms }, { signal, extraMs: ms })
  }

  async remove(service: string, { signal }: Cancellable): Promise<void> {
    await this.#controller.ask<'remove'>({ op: 'remove', service }, { signal })
  }
}
