import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

import { embeddedProxy } from '../../../src/adapters/embedded-proxy/index.ts'
import { type MetricsWindow, requestsOf } from '../../../src/analysis/sample.ts'
import type { Route } from '../../../src/engine/ports.ts'
import { compareGenerations } from '../../../src/events/generation.ts'
import { eventually } from '../../../src/testing/traffic-rig.ts'
import { versionServer } from '../../../src/testing/version-server.ts'
import { type OpenProxy, pidIn, proxyInItsDirectory, runs } from './kit.ts'
import { routeTo } from './plane-kit.ts'

const options = { signal: AbortSignal.timeout(300_000) }

async function bodyOf({ listen }: Route, path = '/'): Promise<string> {
  const answer = await fetch(`http://${listen.host}:${listen.port}${path}`)
  return `${answer.status} ${await answer.text()}`
}

/** The processes that work in a directory: its proxies. */
async function proxiesOf(stateDir: string): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0)
  const at = await Promise.all(
    pids.map(async (pid) => [pid, await readlink(`/proc/${pid}/cwd`).catch(() => '')] as const),
  )
  return at.filter(([, dir]) => dir === stateDir).map(([pid]) => pid)
}

test('a controller that is killed under load fails no request, and the next one reads its last route back', async () => {
  await using app = await versionServer('v1')
  await using proxy = await proxyInItsDirectory()
  const route = routeTo([app.url])
  const script = fileURLToPath(new URL('./controller-main.ts', import.meta.url))
  // In a process group of its own, all of which is killed: as a terminal does, or a supervisor.
  const controller = spawn(process.execPath, [script, proxy.stateDir, JSON.stringify(route)], {
    detached: true,
  })
  const confirmed: Route[] = []
  createInterface({ input: controller.stdout }).on('line', (line) => confirmed.push(JSON.parse(line)))
  const first = await eventually(() => confirmed[0])

  const load = { running: true, answers: new Map<string, number>() }
  const clients = Array.from({ length: 6 }, async () => {
    while (load.running) {
      const answer = await bodyOf(first).catch(String)
      load.answers.set(answer, (load.answers.get(answer) ?? 0) + 1)
    }
  })
  await eventually(() => confirmed.length > 5 && (load.answers.get('200 v1') ?? 0) > 100)
  process.kill(-(controller.pid ?? Number.NaN), 'SIGKILL')
  await once(controller, 'exit')
  const before = load.answers.get('200 v1') ?? 0
  await eventually(() => (load.answers.get('200 v1') ?? 0) > before + 100)
  load.running = false
  await Promise.all(clients)

  expect([...load.answers.keys()]).toEqual(['200 v1'])
  const found = await proxy.router.read('shop', options)
  const last = confirmed.at(-1)
  if (found === null || last === undefined) throw new RangeError('a route was confirmed')
  // The very last change may have been made and not been confirmed any more.
  expect(compareGenerations(found.generation, last.generation)).toBeGreaterThanOrEqual(0)
  expect(found.listen).toEqual(first.listen)
  const counted = await proxy.metrics.counts({ service: 'shop', claim: 1 }, options)
  const requests = counted.reduce((sum, { counts }) => sum + requestsOf(counts), 0)
  expect(requests).toBe(load.answers.get('200 v1'))
})

test('a proxy that is killed comes back by the next use, with its last route on the same port', async () => {
  await using app = await versionServer('v1')
  await using proxy = await proxyInItsDirectory()
  const applied = await proxy.router.apply(routeTo([app.url]), options)
  const pid = await pidIn(proxy.stateDir)
  process.kill(pid, 'SIGKILL')

  const found = await eventually(
    async () => (await proxy.router.read('shop', options).catch(() => null)) ?? undefined,
  )

  expect(found).toEqual(applied)
  expect(await bodyOf(applied)).toBe('200 v1')
  expect(await pidIn(proxy.stateDir)).not.toBe(pid)
  await expect(
    proxy.router.apply({ ...routeTo([app.url]), generation: { claim: 0, n: 9 } }, options),
  ).rejects.toMatchObject({ code: 'ROUTER_STALE_GENERATION' })
})

test('over a restart of the proxy the windows go on, and none is negative', async () => {
  await using app = await versionServer('v1')
  await using proxy = await proxyInItsDirectory()
  const applied = await proxy.router.apply(routeTo([app.url]), options)
  const seen: MetricsWindow[] = []
  const watching = proxy.metrics
    .windows({ service: 'shop', windowMs: 50 })
    .subscribe({ next: (window) => seen.push(window) })
  for (let i = 0; i < 20; i++) await bodyOf(applied)
  await eventually(() => totalOf(seen) === 20)

  process.kill(await pidIn(proxy.stateDir), 'SIGKILL')
  const before = seen.length
  await eventually(() => seen.length > before)
  for (let i = 0; i < 5; i++) await bodyOf(applied)
  await eventually(() => totalOf(seen) === 25)
  watching.unsubscribe()

  for (const { samples } of seen) {
    for (const { counts } of samples)
      expect(Math.min(requestsOf(counts), ...counts.served)).toBeGreaterThanOrEqual(0)
  }
})

test('a window that would compare two proxies is dropped, also when the new one has counted more', async () => {
  await using app = await versionServer('v1')
  await using proxy = await proxyInItsDirectory()
  const applied = await proxy.router.apply(routeTo([app.url]), options)
  const seen: MetricsWindow[] = []
  const watching = proxy.metrics
    .windows({ service: 'shop', windowMs: 3_000 })
    .subscribe({ next: (window) => seen.push(window) })
  for (let i = 0; i < 3; i++) await bodyOf(applied)
  await eventually(() => totalOf(seen) === 3)

  process.kill(await pidIn(proxy.stateDir), 'SIGKILL')
  await eventually(async () => (await proxy.router.read('shop', options).catch(() => null)) ?? undefined)
  await Promise.all(Array.from({ length: 10 }, async () => bodyOf(applied)))
  const before = seen.length
  await eventually(() => seen.length > before)
  watching.unsubscribe()

  // The ten are in the window that is dropped, or in whole ones; ten less the three before is what a comparison would say.
  expect(totalOf(seen)).not.toBe(3 + 7)
})

function totalOf(seen: readonly MetricsWindow[]): number {
  return seen.flatMap(({ samples }) => samples).reduce((sum, { counts }) => sum + requestsOf(counts), 0)
}

test('many controllers that start at the same time share one proxy', async () => {
  await using proxy = await proxyInItsDirectory()
  const others = Array.from({ length: 4 }, () => embeddedProxy({ stateDir: proxy.stateDir }))

  const read = await Promise.all([proxy, ...others].map(async ({ router }) => router.read('shop', options)))

  expect(read).toEqual([null, null, null, null, null])
  for (const each of others) each.close()
  const pid = await pidIn(proxy.stateDir)
  expect(await eventually(async () => onlyOne(await proxiesOf(proxy.stateDir)))).toBe(pid)
})

function onlyOne(pids: readonly number[]): number | undefined {
  return pids.length === 1 ? pids[0] : undefined
}

test('hanging up leaves the proxy serving; stopping it ends the process, and is harmless again', async () => {
  await using app = await versionServer('v1')
  await using proxy = await proxyInItsDirectory()
  const other = embeddedProxy({ stateDir: proxy.stateDir })
  const applied = await other.router.apply(routeTo([app.url]), options)
  other.close()
  expect(await bodyOf(applied)).toBe('200 v1')
  await expect(other.router.read('shop', options)).rejects.toMatchObject({ code: 'ROUTER_FAILED' })

  const pid = await pidIn(proxy.stateDir)
  await proxy.stop()
  // It has hung up because it ends; the kernel may take a moment more to say so.
  await eventually(async () => !(await runs(pid)))
  await proxy.stop()
  expect(await proxiesOf(proxy.stateDir)).toEqual([])
})

test('a program that has nothing else to do waits until the proxy has ended', async () => {
  await using proxy = await proxyInItsDirectory()
  await proxy.router.read('shop', options)
  const script = fileURLToPath(new URL('./stop-main.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script, proxy.stateDir])
  expect(stdout).toBe('stopped')
})

test('a proxy that hangs up at any word, for it is just ending, is stopped once nobody answers', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'sp-'))
  const socket = join(stateDir, 'proxy.sock')
  const ending = createServer((asker) => {
    asker.destroy()
    ending.close()
  }).listen(socket)
  await once(ending, 'listening')
  await writeFile(join(stateDir, 'proxy.json'), JSON.stringify({ socket, token: 'its', pid: process.pid }))
  await embeddedProxy({ stateDir }).stop(options)
  expect(ending.listening).toBe(false)
  await rm(stateDir, { recursive: true, force: true })
})

test('a proxy that is stopped lets an open request end first', async () => {
  await using app = await versionServer('v1')
  await using proxy = await proxyInItsDirectory()
  const applied = await proxy.router.apply(routeTo([app.url]), options)
  const slow = bodyOf(applied, '/hold')
  await eventually(() => app.held === 1)
  const stopped = proxy.stop()
  await eventually(async () => (await bodyOf(applied).catch(() => 'refused')) === 'refused')
  app.release()
  expect(await slow).toBe('200 v1')
  await stopped
})

test('a state directory whose path is too long for a socket works as well', async () => {
  const root = await mkdtemp(join(tmpdir(), 'sp-'))
  const stateDir = join(root, 'x'.repeat(120))
  await using app = await versionServer('v1')
  {
    await using proxy = await proxyInItsDirectory({ stateDir })
    const applied = await proxy.router.apply(routeTo([app.url]), options)
    expect(await bodyOf(applied)).toBe('200 v1')
    const other = embeddedProxy({ stateDir })
    expect(await other.router.read('shop', options)).toEqual(applied)
    other.close()
  }
  await rm(root, { recursive: true })
})

test('only their owner can reach the socket, the token and the routes', async () => {
  const root = await mkdtemp(join(tmpdir(), 'sp-'))
  {
    await using proxy = await proxyInItsDirectory({ stateDir: join(root, 'state') })
    await proxy.router.apply(routeTo([]), options)
    expect(await modesIn(proxy.stateDir)).toMatchObject({
      'proxy.sock': '600',
      'proxy.json': '600',
      'proxy-routes.json': '600',
      'proxy.log': '600',
    })
    expect(await modesIn(root)).toEqual({ state: '700' })
  }
  await rm(root, { recursive: true })
})

async function modesIn(dir: string): Promise<Record<string, string>> {
  const modes = (await readdir(dir)).map(
    async (name) => [name, ((await stat(join(dir, name))).mode & 0o777).toString(8)] as const,
  )
  return Object.fromEntries(await Promise.all(modes))
}

test('a damaged memory of routes falls back to the one before', async () => {
  await using app = await versionServer('v1')
  await using proxy = await proxyInItsDirectory()
  const first = await proxy.router.apply(routeTo([app.url]), options)
  await proxy.router.apply({ ...routeTo([app.url]), generation: { claim: 2, n: 1 } }, options)
  process.kill(await pidIn(proxy.stateDir), 'SIGKILL')
  const file = join(proxy.stateDir, 'proxy-routes.json')
  await writeFile(file, (await readFile(file, 'utf8')).replace('"claim":2', '"claim":3'))

  const found = await eventually(
    async () => (await proxy.router.read('shop', options).catch(() => null)) ?? undefined,
  )

  expect(found).toEqual(first)
})

test('a port that is taken is refused in words, and nothing changes', async () => {
  await using app = await versionServer('v1')
  await using proxy = await proxyInItsDirectory()
  const applied = await proxy.router.apply(routeTo([app.url]), options)
  const taken = { host: '127.0.0.1', port: Number(new URL(app.url).port) }
  const moved = { ...routeTo([]), listen: taken, generation: { claim: 2, n: 1 } }

  await expect(proxy.router.apply(moved, options)).rejects.toMatchObject({
    code: 'ROUTER_FAILED',
    message: expect.stringContaining(`127.0.0.1:${taken.port}`),
  })

  expect(await proxy.router.read('shop', options)).toEqual(applied)
  expect(await bodyOf(applied)).toBe('200 v1')
})

test.each([
  [{ backends: [{ version: 'v1', weight: 9_000, endpoints: [] }] }, 'sum to 90 %'],
  [{ backends: [{ version: '../v1', weight: 10_000, endpoints: [] }] }, 'route.backends[0].version'],
  [
    { backends: [{ version: 'v1', weight: 10_000, endpoints: [{ instance: 'a', url: 'ftp://x' }] }] },
    'ftp://x',
  ],
  [{ listen: { host: '127.0.0.1', port: 70_000 } }, 'route.listen.port'],
  [{ generation: { claim: -1, n: 0 } }, 'route.generation.claim'],
])('a route with %o is refused before a proxy is even started', async (wrong, words) => {
  await using proxy = await proxyInItsDirectory()
  const route = JSON.parse(JSON.stringify({ ...routeTo([]), ...wrong }))
  await expect(proxy.router.apply(route, options)).rejects.toMatchObject({
    code: 'ARGUMENT_INVALID',
    message: expect.stringContaining(words),
  })
  expect(await readdir(proxy.stateDir)).toEqual([])
})

test('a proxy that can’t be started says why', async () => {
  await using proxy = await proxyInItsDirectory()
  // Where its files should be, there are directories.
  await mkdir(join(proxy.stateDir, 'proxy-routes.json.next'))
  await mkdir(join(proxy.stateDir, 'proxy.json'))
  await expect(proxy.router.read('shop', options)).rejects.toMatchObject({
    code: 'ROUTER_FAILED',
    hint: expect.stringContaining('proxy.log'),
  })
})

test('metrics that can’t be asked for say so', async () => {
  const proxy: OpenProxy = await proxyInItsDirectory()
  proxy.close()
  await expect(proxy.metrics.counts({ service: 'shop', claim: 0 }, options)).rejects.toMatchObject({
    code: 'METRICS_FAILED',
  })
  const ended = new Promise((_, reject) => {
    proxy.metrics.windows({ service: 'shop', windowMs: 10 }).subscribe({ error: reject })
  })
  await expect(ended).rejects.toMatchObject({ code: 'METRICS_FAILED' })
  await proxy[Symbol.asyncDispose]()
})
