// Seeing a rollout through to its end: from inside the process that runs it, or from the store that it is written to.
import { setTimeout as sleep } from 'node:timers/promises'

import type { Engine } from '../engine/engine.ts'
import type { Store } from '../engine/ports.ts'
import type { RolloutView, ServiceView } from '../engine/view.ts'
import { UsageError } from '../errors.ts'
import { servicesIn } from './offline.ts'
import type { Screen } from './view/screen.ts'
import { family, viewsOf } from './views-of.ts'

const POLL_MS = 200

/** Shows a service of this process's own engine whenever something happens to it. */
export function showService(engine: Engine, service: string, screen: Screen): Disposable {
  const show = (): void => {
    const view = engine.services().find((known) => known.service === service)
    if (view !== undefined) screen.show(viewsOf(view))
  }
  const subscription = engine.events$.subscribe((event) => {
    if (event.service === service) show()
  })
  show()
  return { [Symbol.dispose]: () => subscription.unsubscribe() }
}

/** Shows a rollout from the store, and resolves with its view once it has ended or is stranded. */
export async function seeThrough(
  store: Store,
  rollout: string,
  { screen, signal }: { readonly screen: Screen; readonly signal: AbortSignal },
): Promise<RolloutView> {
  for (;;) {
    const [view, shown] = find(await servicesIn(store), rollout)
    screen.show(shown)
    if (view.outcome !== null || signal.aborted) return view
    await sleep(POLL_MS, undefined, { signal }).catch(() => {})
  }
}

/** A rollout by its id, with its children below it. */
function find(services: readonly ServiceView[], id: string): readonly [RolloutView, readonly RolloutView[]] {
  for (const { rollouts } of services) {
    const root = rollouts.find((view) => view.id === id)
    if (root !== undefined) return [root, family(root, rollouts)]
  }
  throw new UsageError('ROLLOUT_UNKNOWN', `no rollout is called ${id}`, {
    hint: '`sluice list` shows the newest',
  })
}
