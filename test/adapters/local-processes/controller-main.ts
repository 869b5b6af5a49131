// A controller of its own for tests to kill: starts a version, says where it is, and stays.
// Arguments: the state directory, the deployable as JSON, and what goes wrong.
//   nothing   it goes on until it is killed
//   frozen    the new process stops before it has said who it is, and the controller dies right after
//   sudden    the controller dies as soon as there is a new process
import child from 'node:child_process'
import { writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

import type { Deployable } from '../../../src/engine/ports.ts'

const [stateDir = '', json = '', mishap = 'nothing'] = process.argv.slice(2)
const what: Deployable = JSON.parse(json)

if (mishap !== 'nothing') {
  const { spawn } = child
  // Its second argument is the script of the shell that every instance begins as.
  const replaced = (file: string, [flag = '', script = '', ...args]: string[], options: object): unknown => {
    const frozen = mishap === 'frozen' ? `kill -STOP $$; ${script}` : script
    const started = spawn(file, [flag, frozen, ...args], options)
    writeSync(1, `${started.pid}\n`)
    process.kill(process.pid, 'SIGKILL')
    return started
  }
  Reflect.set(child, 'spawn', replaced)
  syncBuiltinESMExports()
}

const { localProcesses } = await import('../../../src/adapters/local-processes/index.ts')
const platform = localProcesses({ stateDir, restartDelay: '10ms' })
const options = { signal: AbortSignal.timeout(60_000) }
writeSync(1, 'starting\n')
writeSync(1, `${JSON.stringify(await platform.start(what, options))}\n`)
setInterval(() => {}, 60_000)
