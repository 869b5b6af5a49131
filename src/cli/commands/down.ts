import { existsSync, rmSync } from 'node:fs'

import { UsageError } from '../../errors.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { openStore, servicesIn } from '../offline.ts'
import type { Output } from '../output.ts'
import { controlIn, lockIn } from '../place.ts'
import { plain } from '../text.ts'
import { runningOf } from '../views-of.ts'

/** What `down` says it did. */
interface Stopped {
  readonly stateDir: string
  /** The services whose instances were stopped, with the versions that ran. */
  readonly services: readonly { readonly service: string; readonly versions: readonly string[] }[]
  /** Rollouts that are not over: the next `run` goes on with them. */
  readonly unfinished: readonly string[]
}

/**
 * Stops the proxy and every instance of a state directory. What was released stays remembered.
 * @throws UsageError `ROLLOUT_IN_PROGRESS` while a controller is at work there
 */
export async function down(stateDir: string, output: Output): Promise<ExitCode> {
  if (!existsSync(stateDir)) {
    output.data(`nothing runs in ${plain(stateDir)}`)
    output.document({ stateDir, services: [], unfinished: [] } satisfies Stopped)
    return EXIT.ok
  }
  const lock = await hold(stateDir)
  try {
    const known = await remembered(stateDir)
    await stopAll(stateDir, output)
    rmSync(controlIn(stateDir), { force: true })
    tell(known, output)
    return EXIT.ok
  } finally {
    lock.release()
  }
}

async function hold(stateDir: string): Promise<{ release(): void }> {
  const { holdFile } = await import('../../adapters/sqlite-store/index.ts')
  const lock = holdFile(lockIn(stateDir))
  if (lock !== null) return lock
  throw new UsageError('ROLLOUT_IN_PROGRESS', `a controller is at work in ${stateDir}`, {
    hint: 'End it first: Ctrl-C in its terminal, or `sluice abort <service>`',
  })
}

/** The proxy first: it lets open requests end while there is still someone to answer them. */
async function stopAll(stateDir: string, output: Output): Promise<void> {
  const [{ embeddedProxy }, { localProcesses }] = await Promise.all([
    import('../../adapters/embedded-proxy/index.ts'),
    import('../../adapters/local-processes/index.ts'),
  ])
  output.note('the proxy finishes what is open, then it ends')
  await embeddedProxy({ stateDir }).stop()
  output.note('the instances are asked to end')
  const platform = localProcesses({ stateDir })
  try {
    await platform.stopAll()
  } finally {
    await platform.close()
  }
}

async function remembered(stateDir: string): Promise<Stopped> {
  const store = await openStore(stateDir)
  if (store === null) return { stateDir, services: [], unfinished: [] }
  try {
    const services = await servicesIn(store)
    return {
      stateDir,
      services: services.map(({ service, versions }) => ({ service, versions: runningOf(versions) })),
      unfinished: services.flatMap(({ active }) => active ?? []),
    }
  } finally {
    await store.close()
  }
}

function tell(stopped: Stopped, output: Output): void {
  for (const { service, versions } of stopped.services) {
    output.data(plain(`${service} is served no more (it ran ${versions.join(', ') || 'nothing'})`))
  }
  if (stopped.services.length === 0) output.data(`nothing runs in ${plain(stopped.stateDir)} any more`)
  for (const id of stopped.unfinished) {
    output.note(`${id} is not over: the next \`sluice run\` goes on with it`)
  }
  output.document(stopped)
}
