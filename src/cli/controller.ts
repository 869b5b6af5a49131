// Whether someone is at work in a state directory, in words and as data.
import { findControl } from './control.ts'
import { stateDirFlag } from './place.ts'
import { plain } from './text.ts'

/** What a command that only looks found out about who runs rollouts. */
export interface ControllerStatus {
  readonly running: boolean
  /** The process id; null when none runs that can be asked. */
  readonly pid: number | null
  /** Whether the proxy of the state directory answers: without it nobody is served. */
  readonly proxy: boolean
}

export async function controllerStatus(stateDir: string): Promise<ControllerStatus> {
  const [control, proxy] = await Promise.all([findControl(stateDir), isProxyRunning(stateDir)])
  return { running: control !== null, pid: control?.pid ?? null, proxy }
}

export function controllerWords({ pid, proxy }: ControllerStatus, stateDir: string): readonly string[] {
  const flag = plain(stateDirFlag(stateDir))
  return [
    pid === null
      ? `no controller is running in ${plain(stateDir)}: nothing is watched, and nothing advances`
      : `controller ${pid} is running`,
    ...(proxy
      ? []
      : [`its proxy is not running: nothing is served (\`sluice run <config>${flag}\` starts it again)`]),
  ]
}

async function isProxyRunning(stateDir: string): Promise<boolean> {
  const [{ reach }, { placeIn }] = await Promise.all([
    import('../adapters/embedded-proxy/launch.ts'),
    import('../adapters/embedded-proxy/place.ts'),
  ])
  const reached = await reach(placeIn(stateDir))
  reached?.socket.destroy()
  return reached !== null
}
