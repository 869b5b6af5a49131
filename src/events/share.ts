import { EVERYTHING, NOTHING, rest, type Weight } from '../units.ts'

/** One version's part of a service's traffic. */
export interface Share {
  readonly version: string
  readonly weight: Weight
}

/** A whole split: the weights sum to 100 %; empty means that the service is routed nowhere. */
export type Split = readonly Share[]

/** Everything to one version, or nowhere. */
export function allTo(version: string | null): Split {
  return version === null ? [] : [{ version, weight: EVERYTHING }]
}

/** `weight` for one version and the rest for the other; a version at 0 % is still named, so that it keeps its counters. */
export function splitBetween(version: string, weight: Weight, stable: string | null): Split {
  if (stable === null || stable === version) return allTo(version)
  return [
    { version: stable, weight: rest(weight) },
    { version, weight },
  ]
}

/** What a version gets of a split. */
export function shareOf(split: Split, version: string): Weight {
  return split.find((share) => share.version === version)?.weight ?? NOTHING
}

/** Whether a version gets all there is. */
export function isAllOn(split: Split, version: string | null): boolean {
  return version === null
    ? split.every(({ weight }) => weight === NOTHING)
    : shareOf(split, version) === EVERYTHING
}
