import { bucketOf } from '../../analysis/histogram.ts'
import { add, type Counts, NO_COUNTS } from '../../analysis/sample.ts'
import type { GenerationCounts } from '../../engine/ports.ts'
import { compareGenerations, type Generation } from '../../events/generation.ts'

/** How a request ended, for whoever counts. */
export type Ending =
  | { readonly kind: 'served'; readonly status: number; readonly ms: number | null }
  | { readonly kind: 'failed' | 'client-abort' | 'cut' }

/** Counts one version's requests of one generation, live. A request keeps its tally to its end. */
export class Tally {
  readonly #served: [number, number, number, number, number] = [0, 0, 0, 0, 0]
  readonly #latency = new Map<number, number>()
  readonly #ended = { failed: 0, 'client-abort': 0, cut: 0 }
  #inFlight = 0

  began(): void {
    this.#inFlight += 1
  }

  ended(ending: Ending): void {
    this.#inFlight -= 1
    if (ending.kind !== 'served') this.#ended[ending.kind] += 1
    else this.#serve(ending.status, ending.ms)
  }

  read(): Counts {
    return {
      served: [...this.#served],
      failed: this.#ended.failed,
      clientAborts: this.#ended['client-abort'],
      cut: this.#ended.cut,
      inFlight: this.#inFlight,
      latency: Object.fromEntries(this.#latency),
    }
  }

  #serve(status: number, ms: number | null): void {
    const place = Math.min(Math.max(Math.trunc(status / 100) - 1, 0), 4)
    this.#served[place] = (this.#served[place] ?? 0) + 1
    if (ms === null) return
    const bucket = bucketOf(ms)
    this.#latency.set(bucket, (this.#latency.get(bucket) ?? 0) + 1)
  }
}

/** What generations that are older than anyone asks for are counted under, all together. */
const FOLDED: Generation = { claim: 0, n: 0 }
const KEPT_CLAIMS = 2

interface Page {
  readonly generation: Generation
  readonly tallies: Map<string, Tally>
}

/**
 * All that was counted of a service, by generation and version. The newest two claims are kept apart; what is older is
 * folded into one tally per version once its last request ended, so that memory does not grow with the number of
 * rollouts and no request is ever forgotten.
 */
export class Ledger {
  #pages: Page[] = []
  #folded = new Map<string, Counts>()

  /** The tally of a version's requests that start while `generation` is in force. */
  tally(generation: Generation, version: string): Tally {
    const { tallies } = this.#page(generation)
    const known = tallies.get(version)
    if (known !== undefined) return known
    const tally = new Tally()
    tallies.set(version, tally)
    return tally
  }

  /** What was counted under generations of `claim` and newer; 0 for everything. */
  since(claim: number): readonly GenerationCounts[] {
    this.#fold()
    const folded = [...this.#folded].map(([version, counts]) => ({ generation: FOLDED, version, counts }))
    const kept = this.#pages
      .filter(({ generation }) => generation.claim >= claim)
      .flatMap(({ generation, tallies }) =>
        [...tallies].map(([version, tally]) => ({ generation, version, counts: tally.read() })),
      )
    return claim === 0 ? [...folded, ...kept] : kept
  }

  #page(generation: Generation): Page {
    const known = this.#pages.find((page) => compareGenerations(page.generation, generation) === 0)
    if (known !== undefined) return known
    const page = { generation, tallies: new Map<string, Tally>() }
    this.#pages.push(page)
    this.#fold()
    return page
  }

  #fold(): void {
    const claims = [...new Set(this.#pages.map(({ generation }) => generation.claim))].toSorted(
      (a, b) => b - a,
    )
    const oldest = claims[KEPT_CLAIMS - 1]
    if (oldest === undefined || claims.length <= KEPT_CLAIMS) return
    this.#pages = this.#pages.filter((page) => page.generation.claim >= oldest || !this.#foldPage(page))
  }

  /** Folds the tallies whose requests have all ended; says whether none is left. */
  #foldPage({ tallies }: Page): boolean {
    for (const [version, tally] of tallies) {
      const counts = tally.read()
      if (counts.inFlight > 0) continue
      this.#folded.set(version, add(this.#folded.get(version) ?? NO_COUNTS, counts))
      tallies.delete(version)
    }
    return tallies.size === 0
  }
}
