import { connect } from 'node:net'

import type { Cancellable } from '../../engine/ports.ts'
import { unanswered } from '../requests/index.ts'
import { type Finding, healthy, type Target } from './finding.ts'
import { portOf } from './port.ts'

/**
 * Connects, says nothing, and hangs up.
 * @throws UsageError `ARGUMENT_INVALID` for a URL that says no port
 * @throws Unanswered when the connection is not accepted
 */
export async function probeTcp({ endpoint }: Target, { signal }: Cancellable): Promise<Finding> {
  const { host, port } = portOf(endpoint.url)
  const socket = connect({ host, port })
  const stop = (): void => void socket.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.on('error', reject)
      socket.once('close', () => reject(new Error('closed')))
    })
    return healthy('connected')
  } catch (cause) {
    signal.throwIfAborted()
    throw unanswered(cause)
  } finally {
    signal.removeEventListener('abort', stop)
    socket.destroy()
  }
}
