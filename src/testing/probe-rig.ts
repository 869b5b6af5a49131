import type { Cancellable, HealthProbe, ProbeSpec } from '../engine/ports.ts'
import { rawServer } from './raw-server.ts'

type HttpSpec = Extract<ProbeSpec, { kind: 'http' }>

/** Asks `/` and takes 200, with more patience than a test needs. */
export function httpSpec(more: Partial<HttpSpec> = {}): HttpSpec {
  return {
    kind: 'http',
    path: '/',
    timeoutMs: 30_000,
    status: [200],
    body: null,
    headers: {},
    maxLatencyMs: null,
    ...more,
  }
}

/** The instance of a version that is reached there. */
export function targetAt(url: string, version = 'v1'): Parameters<HealthProbe['probe']>[1] {
  return { version, endpoint: { instance: `${version}-1`, url } }
}

/** Nobody gives up before the test does. */
export function patient(): Cancellable {
  return { signal: AbortSignal.timeout(60_000) }
}

/** Tells from outside which processes live: each holds a connection to it. */
export interface Heart extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** How many processes live now. */
  readonly beating: number
  /** How many there ever were. */
  readonly begun: number
}

export async function heart(): Promise<Heart> {
  const server = await rawServer((socket) => socket.resume())
  return {
    url: server.url,
    port: server.port,
    get beating() {
      return server.open
    },
    get begun() {
      return server.accepted
    },
    [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose](),
  }
}

/** A program that starts another, both of which would live for ever, and are deaf to being asked to end. */
export function beating({ port }: Heart): readonly string[] {
  const live = `process.on('SIGTERM', () => {}); require('node:net').connect(${port}, '127.0.0.1').on('error', () => {}).on('close', () => process.exit())`
  const script = `${live}; require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(live)}], { stdio: 'inherit' })`
  return [process.execPath, '-e', script]
}
