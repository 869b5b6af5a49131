import type { HealthProbe, ProbeAnswer } from '../../engine/ports.ts'

/** Who is asked. */
export type Target = Parameters<HealthProbe['probe']>[1]

/** What was found; how long it took is measured outside. */
export type Finding = Pick<ProbeAnswer, 'health' | 'message'>

export function healthy(message: string): Finding {
  return { health: 'healthy', message }
}

export function unhealthy(message: string): Finding {
  return { health: 'unhealthy', message }
}
