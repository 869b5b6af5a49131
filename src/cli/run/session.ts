// One `sluice run`: a release on this process's own engine, seen through to its end, or left when a person or the clock says so.
import { setTimeout as sleep } from 'node:timers/promises'

import type { Engine } from '../../engine/engine.ts'
import type { RolloutView } from '../../engine/view.ts'
import { messageOf, UsageError } from '../../errors.ts'
import { EXIT, type ExitCode, exitCodeOf, needsPerson } from '../exit-code.ts'
import type { Interrupt, Interrupts } from '../interrupts.ts'
import { person } from '../person.ts'
import type { Screen } from '../view/screen.ts'
import { viewsOf } from '../views-of.ts'
import { adoptionIn, deploy, type Order } from './order.ts'

export interface SessionOptions {
  readonly engine: Engine
  readonly order: Order
  readonly screen: Screen
  readonly interrupts: Interrupts
  /** How long to wait for the end, in milliseconds; null for as long as it takes. */
  readonly timeoutMs: number | null
}

/** How it came out: over, or left to go on later; the view is null when nothing was started. */
export type Result =
  | { readonly kind: 'over'; readonly exitCode: ExitCode; readonly view: RolloutView }
  | { readonly kind: 'left'; readonly exitCode: ExitCode; readonly view: RolloutView | null }

type Happening = { readonly over: RolloutView } | { readonly interrupt: Interrupt } | { readonly late: true }

/** How long a freeze may take to be in force before the process leaves anyway. */
const HOLD_MS = 30_000

export class Session {
  readonly #it: SessionOptions
  /** Ends what this session waits for when it leaves. */
  readonly #left = new AbortController()

  constructor(options: SessionOptions) {
    this.#it = options
  }

  async run(): Promise<Result> {
    const { interrupts, timeoutMs } = this.#it
    if (interrupts.pending) return { kind: 'left', exitCode: EXIT.detached, view: null }
    const over = this.#release().then((view): Happening => ({ over: view }))
    over.catch(() => {})
    const late = this.#timeout(timeoutMs)
    try {
      for (;;) {
        const interrupt = interrupts.next().then((heard): Happening => ({ interrupt: heard }))
        const happened = await Promise.race([over, interrupt, ...late])
        if ('over' in happened) return overWith(happened.over)
        if ('late' in happened) return this.#leave(this.#isStuck() ? EXIT.needsPerson : EXIT.timedOut)
        const left = await this.#interrupted(happened.interrupt)
        if (left !== null) return left
      }
    } finally {
      this.#left.abort()
    }
  }

  #isTakingBack = false

  /** Adopts what serves, releases what is to serve, and resolves with the rollout that decided how that ended. */
  async #release(): Promise<RolloutView> {
    const { engine, order } = this.#it
    const how = { by: person(), signal: this.#left.signal }
    const adoption = adoptionIn(order, engine, how)
    if (adoption !== null) {
      const adopted = await this.#ended(await engine.start(adoption))
      if (adopted.outcome?.status !== 'promoted') return adopted
    }
    return this.#ended(await deploy(order, engine, how))
  }

  /** The end itself: one that is stranded goes on being tried. */
  #ended(rollout: string): Promise<RolloutView> {
    return this.#it.engine.when(rollout, ({ status }) => status === 'ended', this.#left.signal)
  }

  #timeout(ms: number | null): readonly Promise<Happening>[] {
    if (ms === null) return []
    const waited = sleep(ms, undefined, { signal: this.#left.signal })
    const late = waited.then((): Happening => ({ late: true }))
    late.catch(() => {})
    return [late]
  }

  /** Null when there is something to wait for still. */
  async #interrupted(interrupt: Interrupt): Promise<Result | null> {
    const { order, screen } = this.#it
    const { onInterrupt } = order.config
    const active = this.#active()
    if (active === null || this.#isTakingBack || onInterrupt === 'detach') return this.#leave(EXIT.detached)
    if (onInterrupt === 'hold') return this.#hold(active, interrupt)
    this.#isTakingBack = true
    screen.say(`${interrupt}: ${active.id} is taken back; once more leaves it as it is`)
    await this.#ask(active, { type: 'abort.requested', reason: `${interrupt} to sluice run`, by: person() })
    return null
  }

  async #hold(active: RolloutView, interrupt: Interrupt): Promise<Result> {
    const { engine, screen, interrupts } = this.#it
    screen.say(`${interrupt}: ${active.id} is frozen where it is; once more leaves it as it is`)
    await this.#ask(active, { type: 'pause.requested', reason: `${interrupt} to sluice run`, by: person() })
    const frozen = engine.when(active.id, () => this.#isStuck(), AbortSignal.timeout(HOLD_MS))
    await Promise.race([frozen.catch(() => {}), interrupts.next()])
    return this.#leave(this.#isStuck() ? EXIT.needsPerson : EXIT.detached)
  }

  /** What can't be done as things are is said, and changes nothing. */
  async #ask(active: RolloutView, event: Parameters<Engine['send']>[1]): Promise<void> {
    try {
      await this.#it.engine.send(active.id, event)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      this.#it.screen.say(messageOf(error))
    }
  }

  #leave(exitCode: ExitCode): Result {
    return { kind: 'left', exitCode, view: this.#active() }
  }

  /** The rollout of this order that goes on; one of somebody else, for which this one waits, is not touched. */
  #active(): RolloutView | null {
    const { version, config } = this.#it.order
    const [view] = this.#views()
    const isOurs = view?.version === version || view?.version === config.stable?.version
    return view !== undefined && isOurs && view.status !== 'ended' ? view : null
  }

  #isStuck(): boolean {
    return this.#views().some((view) => view.status !== 'ended' && needsPerson(view))
  }

  #views(): readonly RolloutView[] {
    const { engine, order } = this.#it
    const service = engine.services().find((known) => known.service === order.service)
    return service === undefined ? [] : viewsOf(service)
  }
}

function overWith(view: RolloutView): Result {
  return { kind: 'over', exitCode: exitCodeOf(view), view }
}
