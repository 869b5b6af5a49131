// What people see while a rollout goes on: a picture that is drawn again and again in a terminal, lines everywhere else.
import type { RolloutView } from '../../engine/view.ts'
import { paintFor, showsUnicode } from '../output.ts'
import { plain } from '../text.ts'
import { changesOf, heartbeatOf } from './changes.ts'
import { renderRollouts } from './render.ts'

/** Shows rollouts as they go on. */
export interface Screen {
  /** Shows how they stand now, children below their parents; `extra` are lines of the caller's own, below a picture. */
  show(views: readonly RolloutView[], extra?: readonly string[]): void
  /** Says something that stays. */
  say(line: string): void
  /** Leaves the last picture where it is. */
  close(): void
}

type Stream = NodeJS.WriteStream

export interface ScreenOptions {
  /** @defaultValue standard error */
  readonly stream?: Stream
  /** Shows and says nothing. @defaultValue false */
  readonly isQuiet?: boolean
}

const REDRAW_MS = 250
/** How long a log may be silent while someone is at work: CI systems kill what says nothing for long. */
const HEARTBEAT_MS = 30_000

/** A picture where there is a terminal with room for one, else lines. */
export async function openScreen({
  stream = process.stderr,
  isQuiet = false,
}: ScreenOptions = {}): Promise<Screen> {
  if (isQuiet) return { show() {}, say() {}, close() {} }
  return isTerminal(stream, process.env)
    ? openPicture(stream)
    : new Lines((line) => void stream.write(`${line}\n`))
}

/** Whether a picture can be drawn again in the same place: some terminals say they have no rows, and show nothing then. */
export function isTerminal(
  { isTTY, rows }: Pick<Stream, 'isTTY' | 'rows'>,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTTY && rows > 0 && env['TERM'] !== 'dumb' && env['CI'] === undefined
}

async function openPicture(stream: Stream): Promise<Screen> {
  const { createLogUpdate } = await import('log-update')
  const draw = createLogUpdate(stream)
  const [paint, unicode] = [paintFor(stream), showsUnicode(process.env)]
  let shown: readonly [readonly RolloutView[], readonly string[]] = [[], []]
  const redraw = (): void => {
    const canvas = { width: stream.columns || 80, unicode, paint, now: Date.now() }
    const lines = renderRollouts(shown[0], canvas, shown[1])
    if (lines.length > 0) draw(lines.slice(0, Math.max(1, stream.rows - 1)).join('\n'))
  }
  const timer = setInterval(redraw, REDRAW_MS).unref()
  return {
    show: (views, extra = []) => {
      shown = [views, extra]
      redraw()
    },
    say: (line) => draw.persist(plain(line)),
    close: () => {
      clearInterval(timer)
      redraw()
      draw.done()
    },
  }
}

/** One line for each change, with the time; and one now and then that says that it still goes on. */
export class Lines implements Screen {
  readonly #write: (line: string) => void
  readonly #known = new Map<string, RolloutView>()
  readonly #heartbeat: NodeJS.Timeout
  #last: readonly RolloutView[] = []

  constructor(write: (line: string) => void) {
    this.#write = write
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref()
  }

  show(views: readonly RolloutView[]): void {
    for (const view of views) {
      for (const line of changesOf(this.#known.get(view.id), view)) this.say(line)
      this.#known.set(view.id, view)
    }
    this.#last = views
  }

  say(line: string): void {
    this.#write(`${new Date().toISOString().slice(0, 19)}Z ${plain(line)}`)
    this.#heartbeat.refresh()
  }

  close(): void {
    clearInterval(this.#heartbeat)
  }

  #beat(): void {
    for (const view of this.#last) if (view.status !== 'ended') this.say(heartbeatOf(view))
  }
}
