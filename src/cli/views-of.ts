import type { RolloutView, ServiceView } from '../engine/view.ts'

/** The rollout that holds a service, or held it last, with its children below it; empty when there never was one. */
export function viewsOf({ active, rollouts }: ServiceView): readonly RolloutView[] {
  const root = rollouts.find(({ id }) => id === active) ?? rollouts.find(({ parent }) => parent === null)
  return root === undefined ? [] : family(root, rollouts)
}

/** A rollout with its children below it. */
export function family(root: RolloutView, rollouts: readonly RolloutView[]): readonly RolloutView[] {
  const children = rollouts.filter(({ parent }) => parent === root.id)
  return [root, ...children.flatMap((child) => family(child, rollouts))]
}

/** The versions that have instances. */
export function runningOf(versions: ServiceView['versions']): readonly string[] {
  return versions.flatMap(({ version, endpoints }) => (endpoints.length > 0 ? [version] : []))
}
