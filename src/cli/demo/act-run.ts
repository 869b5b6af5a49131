import { setTimeout as sleep } from 'node:timers/promises'

import { filter, firstValueFrom, lastValueFrom, tap } from 'rxjs'

import { connect, type Remote } from '../../client/index.ts'
import type { RolloutView } from '../../engine/view.ts'
import { type Act, type Orders, SERVICE } from './act.ts'
import type { Load } from './load.ts'
import { ControllerProcess } from './process.ts'
import type { ActReport } from './report.ts'
import type { Stage } from './stage.ts'

/** How long traffic is left without a controller. */
const ALONE_MS = 1_500
const POLL_MS = 50
/** In which step the controller is killed. */
const FATAL_STEP = 2

/** A controller at work, and the way to ask it. */
interface Running {
  readonly process: ControllerProcess
  readonly remote: Remote
}

/** One act: its controller is a process of its own, watched as any other service would watch it. */
export class ActRun {
  readonly #orders: Orders
  readonly #stage: Stage
  readonly #load: Load
  readonly #open: ControllerProcess[] = []

  constructor(orders: Orders, { stage, load }: { readonly stage: Stage; readonly load: Load }) {
    this.#orders = orders
    this.#stage = stage
    this.#load = load
  }

  /** Performs it; people begin to ask as soon as something serves. */
  async perform(): Promise<ActReport> {
    const { act } = this.#orders
    try {
      const first = await this.#start()
      this.#load.start(await urlOf(first.remote))
      const id = await rolloutOf(first.remote, act)
      const rollout = act.isKilled ? await this.#killed(first, id) : await this.#watched(first, id)
      return { title: act.title, expected: act.expected, controllersKilled: act.isKilled ? 1 : 0, rollout }
    } finally {
      await Promise.all(this.#open.map(async (each) => each.kill()))
    }
  }

  #show(view: RolloutView): void {
    this.#stage.show(view, this.#load.seen)
  }

  async #start(): Promise<Running> {
    const process = new ControllerProcess(this.#orders)
    this.#open.push(process)
    return { process, remote: connect(await process.url) }
  }

  /** Kills the controller in the middle, leaves the traffic alone for a while, and has another one go on. */
  async #killed(first: Running, id: string): Promise<RolloutView> {
    await firstValueFrom(
      first.remote.state$(id).pipe(
        tap((view) => this.#show(view)),
        filter(isFatal),
      ),
    )
    await first.process.kill()
    first.remote.close()
    this.#stage.say(`kill -9 ${first.process.pid}: the controller is dead, traffic goes on without it`)
    await sleep(ALONE_MS)
    const second = await this.#start()
    this.#stage.say(`another controller, ${second.process.pid}, goes on where the first one was`)
    return this.#watched(second, id)
  }

  async #watched({ process, remote }: Running, id: string): Promise<RolloutView> {
    const view = await lastValueFrom(remote.state$(id).pipe(tap((now) => this.#show(now))))
    await process.ended
    remote.close()
    await process.leave()
    return view
  }
}

function isFatal({ state, step }: RolloutView): boolean {
  return state === 'monitoring' && step?.index === FATAL_STEP
}

/** Where the service is reached, once a version serves there. */
async function urlOf(remote: Remote): Promise<string> {
  for (;;) {
    const found = (await remote.services()).find(({ service }) => service === SERVICE)
    if (found !== undefined && found.url !== null && found.stable !== null) return found.url
    await sleep(POLL_MS)
  }
}

async function rolloutOf(remote: Remote, { version, strategy }: Act): Promise<string> {
  for (;;) {
    const services = await remote.services()
    const found = services
      .flatMap(({ rollouts }) => rollouts)
      .find((rollout) => rollout.version === version && rollout.strategy === strategy)
    if (found !== undefined) return found.id
    await sleep(POLL_MS)
  }
}
