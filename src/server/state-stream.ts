import type { Observable } from 'rxjs'

import type { EngineView } from '../engine/view.ts'
import { type EventStream, frameOf } from './event-stream.ts'

/** Sends how a rollout stands, then each change until its end. A slow reader gets the newest, and misses what it replaced. */
export async function streamState(engine: EngineView, stream: EventStream, rollout: string): Promise<void> {
  try {
    for await (const view of newest(engine.state$(rollout), stream.signal)) {
      stream.write(frameOf({ event: 'state', data: view }))
      await stream.drained()
    }
  } finally {
    stream.end()
  }
}

/** The values of an observable for a reader that takes its time: always the newest, the last one for certain. */
async function* newest<T>(source: Observable<T>, signal: AbortSignal): AsyncGenerator<T> {
  let waiting: readonly T[] = []
  let isOver = false
  let wake = nothing
  const finish = (): void => {
    isOver = true
    wake()
  }
  const subscription = source.subscribe({
    next: (value) => {
      waiting = [value]
      wake()
    },
    error: finish,
    complete: finish,
  })
  signal.addEventListener('abort', finish)
  try {
    while (!signal.aborted) {
      const [value] = waiting
      waiting = []
      if (value !== undefined) yield value
      else if (isOver) return
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    signal.removeEventListener('abort', finish)
    subscription.unsubscribe()
  }
}

function nothing(): void {}
