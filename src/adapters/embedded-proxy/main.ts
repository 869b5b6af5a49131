// The proxy's own process: carries messages to the data plane, and nothing more. Started detached by launch.ts; lives
// until it is asked to stop, whatever becomes of the controller.
import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { messageOf } from '../../errors.ts'
import { replaceFile } from '../files/index.ts'
import { type Answer, ControlServer } from './control-server.ts'
import { DataPlane } from './data-plane.ts'
import { createLog, type Log } from './log.ts'
import { LONGEST_SOCKET_PATH, type Place, placeIn, readAddress } from './place.ts'
import { RoutesFile } from './routes-file.ts'
import { ALREADY_RUNNING, type ProxySettings, STOP_GRACE_MS } from './settings.ts'
import { type Ask, PROTOCOL } from './wire.ts'

const settings: ProxySettings = JSON.parse(process.argv[2] ?? '{}')
process.umask(0o077)
process.title = 'sluice-proxy'
const log = createLog(settings.logLevel)
const place = placeIn(settings.stateDir)
const lock = takeLock(place)
// Nobody is there to start this process again at once, and others' requests are open: one that went wrong ends alone.
process.on('uncaughtException', (error) => log('error', 'a request went wrong', { reason: error.stack }))
process.on('unhandledRejection', (reason) =>
  log('error', 'something went wrong', { reason: messageOf(reason) }),
)
try {
  await run(place, log)
} catch (error) {
  log('error', 'the proxy could not start', { reason: messageOf(error) })
  process.exit(1)
}

/** A lock of the kernel's on a file: it ends with the process, however that ends, so it can't be stale. */
function takeLock({ lock: path }: Place): DatabaseSync {
  const database = new DatabaseSync(path)
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch {
    process.exit(ALREADY_RUNNING)
  }
  return database
}

async function run(at: Place, logTo: Log): Promise<void> {
  const file = new RoutesFile(at.routes)
  const plane = new DataPlane({
    patience: settings.patience,
    log: logTo,
    save: async (routes) => file.save(routes),
  })
  plane.restore(await file.load(logTo))
  const before = await readAddress(at)
  if (before !== null && before.socket !== at.socket)
    await rm(dirname(before.socket), { recursive: true, force: true })
  // Nobody may come to this proxy's socket with the token of the one before.
  await rm(at.address, { force: true })
  await rm(at.socket, { force: true })
  const token = randomUUID()
  const socket = await socketPath(at)
  const exit = (): void => leave(logTo)
  await new ControlServer({ token, answer: answering(plane, exit), log: logTo }).listen(socket)
  await chmod(socket, 0o600)
  await replaceFile(at.address, JSON.stringify({ socket, token, pid: process.pid }))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void plane.close(STOP_GRACE_MS).finally(exit))
  }
  logTo('info', 'the proxy runs', { socket, run: plane.run })
}

async function socketPath({ socket }: Place): Promise<string> {
  if (Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH) return socket
  return join(await mkdtemp(join(tmpdir(), 'sluice-')), 'proxy.sock')
}

function leave(logTo: Log): void {
  logTo('info', 'the proxy ends')
  lock.close()
  process.exit(0)
}

function answering(plane: DataPlane, exit: () => void): Answer {
  const stop = async (graceMs: number): Promise<null> => {
    await plane.close(graceMs)
    // The answer goes out first; the connection then ends with the process, which is how the asker knows.
    setTimeout(exit, 20)
    return null
  }
  return async (ask: Ask, signal) => {
    switch (ask.op) {
      case 'hello':
        return { protocol: PROTOCOL, pid: process.pid, run: plane.run }
      case 'apply':
        return plane.apply(ask.route)
      case 'read':
        return plane.read(ask.service)
      case 'drain':
        return plane.drain(ask, signal)
      case 'remove':
        await plane.remove(ask.service)
        return null
      case 'counts':
        return { run: plane.run, counts: plane.counts(ask.service, ask.claim) }
      case 'list':
        return plane.list()
      case 'stop':
        return stop(ask.graceMs)
    }
  }
}
