// A world for machines to live in: it answers each command the way the engine, a router, a platform and people would, in
// virtual time, late, twice, never, and now and then with bad news. Uniformly random events would almost never finish a
// rollout; a world that answers does so all the time. When its luck is spent, it is kind, and everything has to end.
import type { AnyMachineSnapshot } from 'xstate'

import { answers } from '../../engine/record.ts'
import type { Generation } from '../../events/generation.ts'
import type { RolloutEvent } from '../../events/rollout-event.ts'
import { allTo, type Split } from '../../events/share.ts'
import type { Command, Ready, Strategy, StrategyName } from '../../machines/index.ts'
import { Dice } from './dice.ts'
import { Member, WINDOW_MS } from './member.ts'
import { type Answer, Nature, PATIENCE } from './nature.ts'
import { SimulatedRouter } from './router.ts'

/** What lives in a world. */
export interface Setting {
  /** All that may be started, by name. */
  readonly strategies: Readonly<Record<string, Strategy>>
  readonly strategy: string
  readonly input: unknown
  readonly version: string
  readonly stable: string | null
  /** What a child is told at its start. */
  readonly childInput?: (strategy: StrategyName, claim: number) => unknown
}

/** One step of one rollout. */
export interface Moment {
  /** Milliseconds since the world began. */
  readonly at: number
  /** The rollout that stepped; the root is called `root`. */
  readonly member: Member['id']
  readonly claim: number
  /** Null for the first step, which no event leads to. */
  readonly event: RolloutEvent | null
  readonly before: AnyMachineSnapshot | null
  readonly after: AnyMachineSnapshot
  readonly commands: readonly Command[]
  /** What the router really does after this. */
  readonly router: { readonly split: Split; readonly generation: Generation }
}

/** All that happened in a world. */
export interface History {
  readonly moments: readonly Moment[]
  /** The root at the end. */
  readonly last: AnyMachineSnapshot
  /** Whether the root has ended: in a world that has become kind, it has to. */
  readonly isOver: boolean
}

type Happening = { readonly at: number; readonly member: Member } & (
  | { readonly kind: 'event'; readonly event: RolloutEvent }
  | { readonly kind: 'apply'; readonly command: Shift }
)

type Shift = Extract<Command, { type: 'shiftTraffic' }>

/** How long nothing may come of anything before a person does something. */
const QUIET = 6
/** A rollout that has not ended after so many steps never will. */
const MOST_STEPS = 2_000

/** Lives through a rollout; the same luck gives the same history. */
export function live(setting: Setting, numbers: readonly number[]): History {
  return new World(setting, new Dice(numbers)).run()
}

class World {
  readonly #setting: Setting
  readonly #dice: Dice
  readonly #nature: Nature
  readonly #router: SimulatedRouter
  readonly #members = new Map<string, Member>()
  readonly #moments: Moment[] = []
  readonly #root: Member
  /** How often something comes out of the blue, in percent of all steps. */
  readonly #unrest: number
  #happenings: Happening[] = []
  #now = 0
  #claim: number
  #quiet = 0

  constructor(setting: Setting, dice: Dice) {
    this.#setting = setting
    this.#dice = dice
    this.#nature = new Nature(dice)
    this.#unrest = dice.pick(0, 2, 5, 15)
    this.#router = new SimulatedRouter(allTo(setting.stable))
    this.#claim = claimIn(setting.input)
    this.#root = this.#begin('root', setting.strategy, { input: setting.input, claim: this.#claim })
  }

  run(): History {
    for (let steps = 0; steps < MOST_STEPS && !this.#root.isOver; steps++) {
      if (this.#quiet > QUIET) this.#lendAHand()
      else if (this.#dice.chance(this.#unrest)) this.#interfere()
      else this.#goOn()
    }
    return { moments: this.#moments, last: this.#root.snapshot, isOver: this.#root.isOver }
  }

  #begin(id: string, strategy: string, { input, claim }: { input: unknown; claim: number }): Member {
    const known = this.#setting.strategies[strategy]
    if (known === undefined) throw new TypeError(`there is no strategy '${strategy}'`)
    const ready = known.start(input)
    const member = new Member(id, known, { claim, ready })
    this.#members.set(id, member)
    this.#settle(member, { event: null, before: null, ready })
    return member
  }

  /** The next thing that is due: an answer, an alarm, or a window of those who watch. */
  #goOn(): void {
    const [next] = [...this.#due()].toSorted((a, b) => a.at - b.at)
    if (next === undefined) return this.#lendAHand()
    this.#now = Math.max(this.#now, next.at)
    next.happen()
  }

  *#due(): Iterable<{ readonly at: number; readonly happen: () => void }> {
    for (const happening of this.#happenings)
      yield { at: happening.at, happen: () => this.#happen(happening) }
    for (const member of this.#members.values()) {
      for (const [timer, at] of member.timers) {
        yield { at, happen: () => this.#tell(member, { type: `${timer}.elapsed` }) }
      }
      for (const watch of member.watches.values()) {
        yield {
          at: watch.due,
          happen: () => {
            watch.due = this.#now + WINDOW_MS
            const event = this.#nature.say(watch)
            if (event === null) this.#quiet += 1
            else this.#tell(member, event)
          },
        }
      }
    }
  }

  #happen(happening: Happening): void {
    const { member } = happening
    this.#happenings = this.#happenings.filter((other) => other !== happening)
    if (happening.kind === 'event') {
      // Told twice now and then, and the second time late: an outbox delivers at least once.
      if (this.#dice.chance(3)) this.#later(member, { event: happening.event, afterMs: this.#nature.delay() })
      this.#tell(member, happening.event)
    } else this.#apply(member, happening.command)
  }

  /** The engine asks a router that can't be reached for as long as nothing newer is asked for. */
  #apply(member: Member, command: Shift): void {
    const { split, generation } = command.params
    if (this.#nature.isOutage(this.#now)) {
      const isNewest = member.unanswered.get('traffic') === command
      if (isNewest) this.#happenings.push({ at: this.#now + 5_000, member, kind: 'apply', command })
      return
    }
    const isRefused = !this.#router.apply(split, generation) || this.#dice.chance(2)
    const event: RolloutEvent = isRefused
      ? { type: 'traffic.rejected', generation, reason: 'refused' }
      : { type: 'traffic.shifted', generation, split }
    this.#later(member, { event, afterMs: this.#nature.delay() })
  }

  #later(member: Member, { event, afterMs }: Answer): void {
    this.#happenings.push({ at: this.#now + afterMs, member, kind: 'event', event })
  }

  #tell(member: Member, event: RolloutEvent): void {
    if (member.isOver || !member.takes(event)) return
    for (const [resource, command] of member.unanswered) {
      if (answers(event, command)) member.unanswered.delete(resource)
    }
    const before = member.snapshot
    this.#settle(member, { event, before, ready: member.step(event) })
  }

  #settle(
    member: Member,
    {
      event,
      before,
      ready,
    }: { event: RolloutEvent | null; before: AnyMachineSnapshot | null; ready: Ready<AnyMachineSnapshot> },
  ): void {
    member.keep(ready, this.#now)
    this.#quiet = isNews(before, ready) ? 0 : this.#quiet + 1
    const { split, generation } = this.#router
    this.#moments.push({
      at: this.#now,
      member: member.id,
      claim: member.claim,
      event,
      before,
      after: ready.snapshot,
      commands: ready.commands,
      router: { split, generation },
    })
    for (const command of ready.commands) this.#perform(member, command)
    if (member.isOver && before?.status === 'active') this.#tellParent(member)
  }

  #perform(member: Member, command: Command): void {
    switch (command.type) {
      case 'shiftTraffic':
        return void this.#happenings.push({
          at: this.#now + this.#nature.delay(),
          member,
          kind: 'apply',
          command,
        })
      case 'startChild':
        return this.#startChild(member, command.params)
      case 'tellChild': {
        const child = this.#members.get(childId(member, command.params))
        return child && this.#later(child, { event: command.params.event, afterMs: 0 })
      }
      default: {
        const answer = this.#nature.answer(command)
        return answer === null ? undefined : this.#later(member, answer)
      }
    }
  }

  #startChild(parent: Member, params: Extract<Command, { type: 'startChild' }>['params']): void {
    const id = childId(parent, params)
    const known = this.#members.get(id)
    if (known !== undefined) return known.isOver ? this.#tellParent(known) : undefined
    const { childInput } = this.#setting
    if (childInput === undefined) throw new TypeError(`nobody said what ${id} is told`)
    if (params.strategy !== 'smoke') this.#claim += 1
    this.#begin(id, params.strategy, { input: childInput(params.strategy, this.#claim), claim: this.#claim })
  }

  #tellParent(child: Member): void {
    const [parentId, slot = '', run] = partsOf(child.id)
    const parent = this.#members.get(parentId)
    const outcome = child.strategy.outcomeOf(child.snapshot)
    if (parent === undefined || outcome === null || parent === child) return
    this.#later(parent, { afterMs: 0, event: { type: 'child.ended', slot, run: Number(run), outcome } })
  }

  /** Something out of the blue, to any of those that live here. */
  #interfere(): void {
    const [first = this.#root, ...others] = [...this.#members.values()].filter(({ isOver }) => !isOver)
    const member = this.#dice.pick(first, ...others)
    if (this.#dice.chance(15)) return this.#crash()
    this.#tell(member, this.#nature.interfere(this.#setting))
  }

  /** The controller dies and starts again: what was not answered is asked once more, alarms go on. */
  #crash(): void {
    for (const member of this.#members.values()) {
      if (member.isOver) continue
      member.crash()
      for (const command of member.unanswered.values()) this.#perform(member, command)
    }
  }

  /** Where nothing goes on, a person looks after it. */
  #lendAHand(): void {
    this.#quiet = 0
    const event = PATIENCE.find((asked) => this.#root.snapshot.can(asked))
    if (event !== undefined) this.#tell(this.#root, event)
  }
}

function childId(parent: Member, { slot, run }: { readonly slot: string; readonly run: number }): string {
  return `${parent.id}/${slot}/${run}`
}

function partsOf(id: string): readonly [parent: string, slot: string | undefined, run: string | undefined] {
  const parts = id.split('/')
  return [parts.slice(0, -2).join('/'), parts.at(-2), parts.at(-1)]
}

function claimIn(input: unknown): number {
  return typeof input === 'object' && input !== null && 'claim' in input ? Number(input.claim) : 0
}

/** Whether anything came of a step. */
function isNews(
  before: AnyMachineSnapshot | null,
  { snapshot, commands }: Ready<AnyMachineSnapshot>,
): boolean {
  if (before === null || commands.length > 0) return true
  if (snapshot.context === before.context && snapshot.value === before.value) return false
  const [was, is] = [before, snapshot].map(({ value, context }) => JSON.stringify({ value, context }))
  return was !== is
}
