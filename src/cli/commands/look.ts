// `status` and `list`: what the store says, whether a controller runs or not.
import type { RolloutView, ServiceView } from '../../engine/view.ts'
import { UsageError } from '../../errors.ts'
import { type ControllerStatus, controllerStatus, controllerWords } from '../controller.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { openStore, servicesIn } from '../offline.ts'
import { type Output, showsUnicode } from '../output.ts'
import { pad, plain } from '../text.ts'
import type { Canvas } from '../view/canvas.ts'
import { elapsed } from '../view/format.ts'
import { renderRollouts } from '../view/render.ts'
import { costWords, splitWords } from '../view/words.ts'
import { family, runningOf, viewsOf } from '../views-of.ts'

/** Shows all services, one of them, or one rollout, as they stand. */
export async function status(name: string | undefined, stateDir: string, output: Output): Promise<ExitCode> {
  const [services, controller] = await Promise.all([read(stateDir), controllerStatus(stateDir)])
  const chosen = name === undefined ? services : services.filter(({ service }) => service === name)
  if (name !== undefined && chosen.length === 0) {
    showRollout(rolloutIn(services, name), controller, output)
  } else {
    if (chosen.length === 0) output.data(`nothing was released yet in ${plain(stateDir)}`)
    for (const service of chosen) output.data(...serviceLines(service, canvas(output)), '')
    output.document({ controller, services: chosen })
  }
  if (services.length > 0) for (const line of controllerWords(controller, stateDir)) output.note(line)
  return EXIT.ok
}

/** Lists rollouts, newest first in each service. */
export async function list(stateDir: string, output: Output): Promise<ExitCode> {
  const [services, controller] = await Promise.all([read(stateDir), controllerStatus(stateDir)])
  const rollouts = services.flatMap((service) => service.rollouts.filter(({ parent }) => parent === null))
  if (rollouts.length > 0) output.data(...table(rollouts))
  else output.data(`nothing was released yet in ${plain(stateDir)}`)
  output.document({ controller, rollouts })
  if (services.length > 0) for (const line of controllerWords(controller, stateDir)) output.note(line)
  return EXIT.ok
}

async function read(stateDir: string): Promise<readonly ServiceView[]> {
  const store = await openStore(stateDir)
  if (store === null) return []
  try {
    return await servicesIn(store)
  } finally {
    await store.close()
  }
}

interface Found {
  readonly rollout: RolloutView
  readonly children: readonly RolloutView[]
}

function rolloutIn(services: readonly ServiceView[], id: string): Found {
  const all = services.flatMap(({ rollouts }) => rollouts)
  const rollout = all.find((view) => view.id === id)
  if (rollout !== undefined) return { rollout, children: family(rollout, all).slice(1) }
  throw new UsageError('ROLLOUT_UNKNOWN', `no service and no rollout is called ${id.slice(0, 100)}`, {
    hint: '`sluice list` shows all of them',
  })
}

function showRollout({ rollout, children }: Found, controller: ControllerStatus, output: Output): void {
  output.data(...renderRollouts([rollout, ...children], canvas(output)))
  output.document({ controller, rollout, children })
}

function serviceLines(service: ServiceView, on: Canvas): readonly string[] {
  const { url, stable, versions, revisions } = service
  const facts: readonly (readonly [string, string])[] = [
    ['url', url ?? 'none yet'],
    ['stable', stable === null ? 'none yet' : `${stable.version}, since ${stable.since}`],
    ['traffic', splitWords(service)],
    ['running', runningOf(versions).join(', ') || 'nothing'],
    [
      'can return',
      revisions
        .slice(1, 6)
        .map(({ version }) => version)
        .join(', ') || 'nowhere yet',
    ],
  ]
  return [
    on.paint('bold', plain(service.service)),
    ...facts.map(([label, text]) => `  ${on.paint('dim', pad(label, 12))}${plain(text)}`),
    '',
    ...renderRollouts(viewsOf(service), on),
  ]
}

const COLUMNS = ['rollout', 'strategy', 'version', 'state', 'started', 'took', 'requests'] as const

function table(rollouts: readonly RolloutView[]): readonly string[] {
  const rows = [COLUMNS, ...rollouts.map(cells)]
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, i) => pad(cell, widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function cells(view: RolloutView): readonly string[] {
  const { id, strategy, version, state, status: kind, outcome, startedAt, endedAt } = view
  return [
    id,
    strategy,
    version,
    outcome?.status ?? (kind === 'parked' ? 'parked' : state),
    `${startedAt.slice(0, 19)}Z`,
    elapsed(Date.parse(startedAt), endedAt === null ? Date.now() : Date.parse(endedAt)),
    costWords(view) ?? '-',
  ].map(plain)
}

function canvas({ paint }: Output): Canvas {
  return { width: process.stdout.columns || 100, unicode: showsUnicode(process.env), paint, now: Date.now() }
}
