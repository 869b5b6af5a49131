// How scenario files say what a machine asks for.
import type { Generation } from '../events/generation.ts'
import type { OperatorEvent } from '../events/rollout-event.ts'
import type { Split } from '../events/share.ts'
import type { Activity, Command } from '../machines/index.ts'
import { formatMs, percentOf } from '../units.ts'

/** A command in one line; generations of `claim` are written without it. */
export function commandText(command: Command, claim: number): string {
  return [command.type, ...paramsText(command, claim)].join(' ')
}

function paramsText({ type, params }: Command, claim: number): readonly string[] {
  switch (type) {
    case 'startVersion':
    case 'stopVersion':
      return [params.version]
    case 'shiftTraffic':
      return [splitText(params.split), generationText(params.generation, claim)]
    case 'drainVersion':
      return [params.version, 'within', formatMs(params.ms)]
    case 'startTimer':
      return [params.timer, formatMs(params.ms)]
    case 'cancelTimer':
      return [params.timer]
    case 'runTest':
      return [params.test, `attempt=${params.attempt}`, 'within', formatMs(params.ms)]
    case 'startChild':
      return [`${params.slot}/${params.run}`, params.strategy]
    case 'tellChild':
      return [`${params.slot}/${params.run}`, ...operatorText(params.event)]
    case 'page':
      return [`'${params.message}'`]
  }
}

/** What is watched, in one line. */
export function watchText(activities: readonly Activity[], claim: number): string {
  if (activities.length === 0) return 'watch nothing'
  const each = activities.map((activity) => {
    if (activity.kind === 'probe') return `probe ${activity.version}`
    const { version, baseline, generation } = activity
    return `analysis ${version} against ${baseline ?? 'nothing'} ${generationText(generation, claim)}`
  })
  return `watch ${each.join(', ')}`
}

function splitText(split: Split): string {
  return split.length === 0
    ? 'nowhere'
    : split.map(({ version, weight }) => `${version}=${percentOf(weight)}%`).join(' ')
}

function generationText({ claim, n }: Generation, own: number): string {
  return claim === own ? `#${n}` : `#${claim}.${n}`
}

function operatorText({ type, by, reason, ...rest }: OperatorEvent): readonly string[] {
  return [
    type,
    ...Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`),
    ...(by === undefined ? [] : ['by', by]),
    ...(reason === undefined ? [] : ['because', reason]),
  ]
}
