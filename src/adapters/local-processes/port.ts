import { once } from 'node:events'
import { createServer } from 'node:net'

import { AdapterError } from '../../errors.ts'

const TRIES = 20

/**
 * Takes a port of 127.0.0.1 that nobody listens on now and that is not among `taken`, to which it is added: `wanted`, if
 * that can be had, or any. Nothing else holds it: whoever is given it may find it in use.
 */
export async function takePort(taken: Set<number>, wanted = 0): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = await portLike(i === 0 ? wanted : 0)
    if (port === null || (taken.has(port) && port !== wanted)) continue
    taken.add(port)
    return port
  }
  throw new AdapterError('PLATFORM_FAILED', 'there is no free port', {
    hint: 'See what listens on 127.0.0.1, or widen the range of ephemeral ports',
  })
}

/** Null when it can't be had. */
async function portLike(wanted: number): Promise<number | null> {
  const server = createServer()
  try {
    server.listen(wanted, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : null
  } catch {
    return null
  } finally {
    server.close()
  }
}
