import { UsageError } from '../../errors.ts'
import { count, type Duration, toPositiveMs } from '../../units.ts'
import { placeIn } from './place.ts'
import { LocalPlatform, type LocalProcesses } from './platform.ts'

export type { LocalProcesses, Which } from './platform.ts'

export interface LocalProcessesOptions {
  /** Where the processes are remembered and their logs are kept (`logs/<service>/<instance>.log`). Made when it isn't there. */
  readonly stateDir: string
  /** From an instance's first exit to its restart; each further one takes twice as long. Default `'200ms'`. */
  readonly restartDelay?: Duration
  /** The longest of these. Default `'30s'`. */
  readonly longestRestartDelay?: Duration
  /** An instance that ran this long is restarted with the first delay again. Default `'1m'`. */
  readonly steadyAfter?: Duration
  /** In bytes: a log of this size is put aside as `….previous`, in place of the one before. Default 8 MiB. */
  readonly logLimit?: number
}

/**
 * Runs versions as processes of this machine. They don't depend on the controller: they go on when it ends, and whoever
 * names the same `stateDir` next finds them, watches them, restarts what has died meanwhile and says so. One controller at
 * a time: a second one's calls are rejected. A start with another command or environment holds from the next time that an
 * instance is started. An instance is a process group; what leaves the group is not known here.
 * An instance's environment is that of its version, `PORT`, `SLUICE_SERVICE`, `SLUICE_VERSION`, `SLUICE_INSTANCE`, and of
 * the controller's only what any program needs, such as `PATH` and `HOME`.
 * @throws UsageError `ARGUMENT_INVALID` for a malformed option; `RUNTIME_UNSUPPORTED` on Windows
 */
export function localProcesses({
  stateDir,
  restartDelay = '200ms',
  longestRestartDelay = '30s',
  steadyAfter = '1m',
  logLimit = 8 << 20,
}: LocalProcessesOptions): LocalProcesses {
  if (process.platform === 'win32') {
    throw new UsageError(
      'RUNTIME_UNSUPPORTED',
      'local processes need process groups, which Windows has not',
      {
        hint: 'Run it in WSL, or give a platform of your own',
      },
    )
  }
  return new LocalPlatform(placeIn(stateDir), {
    restartDelayMs: toPositiveMs(restartDelay, 'restartDelay'),
    longestRestartDelayMs: toPositiveMs(longestRestartDelay, 'longestRestartDelay'),
    steadyMs: toPositiveMs(steadyAfter, 'steadyAfter'),
    logLimit: count(logLimit, 'logLimit', { least: 1, most: 2 ** 40 }),
  })
}
