import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { AdapterError } from '../../errors.ts'
import type { Orders, Report } from './act.ts'

const PROGRAM = fileURLToPath(new URL(`./controller${extname(import.meta.url)}`, import.meta.url))

/** A controller that runs in a process of its own. */
export class ControllerProcess {
  /** Resolves with where it can be asked. */
  readonly url: Promise<string>
  /** Resolves with the rollout when that has ended; rejects when the process ended before. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess

  constructor(orders: Orders) {
    this.#child = spawn(process.execPath, [PROGRAM, JSON.stringify(orders)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const url = Promise.withResolvers<string>()
    const ended = Promise.withResolvers<string>()
    const lines = createInterface({ input: this.#child.stdout ?? process.stdin })
    lines.on('line', (line) => {
      const report: Report = JSON.parse(line)
      if (report.type === 'ready') url.resolve(report.url)
      else ended.resolve(report.rollout)
    })
    this.#child.once('exit', (code, signal) => {
      const gone = new AdapterError('UNREACHABLE', `the demo's controller ended (${signal ?? code})`)
      url.reject(gone)
      ended.reject(gone)
    })
    this.url = handled(url.promise)
    this.ended = handled(ended.promise)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Lets it end by itself, now that nothing more is asked of it. */
  async leave(): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.stdin?.end()
    if (this.#child.exitCode === null && this.#child.signalCode === null) await gone
  }

  /** The death that no program can prepare for. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }
}

/** Whoever waits for it hears of a rejection; nobody has to. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
