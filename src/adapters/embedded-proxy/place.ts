import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** Where a proxy keeps what it needs, all below one directory that only its owner can enter. */
export interface Place {
  readonly dir: string
  /** Says how to reach the running proxy, and proves the right to: see {@link Address}. */
  readonly address: string
  /** Held by the one proxy of this directory for as long as it lives. */
  readonly lock: string
  readonly log: string
  readonly routes: string
  /** The control socket's place, if its path is not too long for a socket. */
  readonly socket: string
}

/** How to reach a running proxy. The file is readable by its owner only. */
export interface Address {
  readonly socket: string
  readonly token: string
  readonly pid: number
}

/** Unix socket paths end at 107 bytes on Linux, 103 on macOS; longer ones are cut off in silence. */
export const LONGEST_SOCKET_PATH = 100

export function placeIn(stateDir: string): Place {
  const dir = resolve(stateDir)
  return {
    dir,
    address: join(dir, 'proxy.json'),
    lock: join(dir, 'proxy.lock'),
    log: join(dir, 'proxy.log'),
    routes: join(dir, 'proxy-routes.json'),
    socket: join(dir, 'proxy.sock'),
  }
}

/** How to reach the proxy that was started last; null when none was, or its file can't be understood. */
export async function readAddress({ address }: Pick<Place, 'address'>): Promise<Address | null> {
  try {
    const value: unknown = JSON.parse(await readFile(address, 'utf8'))
    return isAddress(value) ? value : null
  } catch {
    return null
  }
}

function isAddress(value: unknown): value is Address {
  return (
    typeof value === 'object' &&
    value !== null &&
    'socket' in value &&
    typeof value.socket === 'string' &&
    'token' in value &&
    typeof value.token === 'string' &&
    'pid' in value &&
    typeof value.pid === 'number'
  )
}
