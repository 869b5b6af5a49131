import { join, resolve } from 'node:path'

/** Where a platform keeps what it needs, all below one directory that only its owner can enter. */
export interface Place {
  readonly dir: string
  /** Held by the one platform of this directory. */
  readonly locks: string
  /** A directory for each service, with a record for each instance and a ticket for each start. */
  readonly processes: string
  readonly logs: string
}

export function placeIn(stateDir: string): Place {
  const dir = resolve(stateDir)
  return {
    dir,
    locks: join(dir, 'processes.lock'),
    processes: join(dir, 'processes'),
    logs: join(dir, 'logs'),
  }
}

/** What belongs to the instances of one service. */
export interface ServicePlace {
  readonly dir: string
  readonly logs: string
}

export function placeOf({ processes, logs }: Place, service: string): ServicePlace {
  return { dir: join(processes, service), logs: join(logs, service) }
}

export function logOf({ logs }: ServicePlace, instance: string): string {
  return join(logs, `${instance}.log`)
}
