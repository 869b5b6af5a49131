// The page at `/inspect`, run in as much of a browser as it asks of one.
import { runInNewContext } from 'node:vm'

import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import { canary, canaryMachine } from '../../src/machines/index.ts'
import { type StatelyInspector, statelyInspector } from '../../src/server/inspector.ts'
import { releaseInput } from '../../src/testing/inputs.ts'
import { eventually } from '../../src/testing/traffic-rig.ts'
import { journal, served } from './kit.ts'

const TOKEN = 'a-token-of-some-length'
const { snapshot } = canary.start(releaseInput())

let inspector: StatelyInspector
let url: string

beforeEach(async () => {
  inspector = await statelyInspector()
})

describe('the page', () => {
  test('may load nothing from elsewhere, and be part of nothing', async () => {
    await serveIt()
    for (const path of ['/inspect', '/inspect/app.js', '/inspect/style.css']) {
      const answer = await fetch(url + path)
      expect(answer.headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src https://stately.ai; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      )
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    }
    const html = await (await fetch(`${url}/inspect`)).text()
    const loaded = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, to]) => to)
    expect(loaded).toEqual(['/inspect/style.css', '/inspect/app.js'])
    expect(html).not.toMatch(/<script>|\son\w+=|style=/)
  })

  test('lists rollouts with their states, and what happens to them', async () => {
    await serveIt()
    inspector.started({ id: 'shop-1', parent: null, machine: canaryMachine, snapshot })
    const page = await open()
    await eventually(() => page.rows().length === 1)
    expect(page.rows()).toEqual([['shop-1 (canary)', 'staging', 'active']])
    expect(page.say()).toBe('live')
    const next = canary.step(snapshot, { type: 'abort.requested' })
    inspector.stepped({ id: 'shop-1', event: { type: 'abort.requested' }, snapshot: next.snapshot })
    await eventually(() => page.rows()[0]?.[1]?.startsWith('rolling-back'))
    expect(page.events()[0]).toMatch(/shop-1 {2}abort\.requested$/)
  })

  test('comes back when the connection is lost', async () => {
    const server = await serveIt()
    const port = Number(new URL(url).port)
    const page = await open()
    await eventually(() => page.say() === 'live')
    await server.close()
    await eventually(() => page.say() !== 'live')
    await served(journal().view, { inspector }, port)
    await eventually(() => page.say() === 'live')
  })

  test('asks for a token, and shows it to the server only', async () => {
    await serveIt(TOKEN)
    inspector.started({ id: 'shop-1', parent: null, machine: canaryMachine, snapshot })
    const page = await open()
    await eventually(() => page.say() === 'a token is needed')
    expect(page.element('login').hidden).toBe(false)
    page.element('token').value = TOKEN
    page.element('login').fire('submit', { preventDefault() {} })
    await eventually(() => page.rows().length === 1)
    expect(page.element('login').hidden).toBe(true)
  })

  test('takes a token from its address, and then takes it out of there', async () => {
    await serveIt(TOKEN)
    const page = await open(`#token=${TOKEN}`)
    await eventually(() => page.say() === 'live')
    expect(page.replaced()).toEqual(['/inspect'])
  })

  test('opens Stately only when somebody asks, and tells it everything once it is there', async () => {
    await serveIt()
    inspector.started({ id: 'shop-1', parent: null, machine: canaryMachine, snapshot })
    inspector.stepped({ id: 'shop-1', event: { type: 'pause.requested' }, snapshot })
    const page = await open()
    await eventually(() => page.events().length === 0 && page.rows().length === 1)
    expect(page.frames()).toEqual([])

    page.element('open').fire('click', {})
    const [frame] = page.frames()
    expect(frame).toMatchObject({
      src: 'https://stately.ai/inspect',
      attributes: { sandbox: expect.any(String) },
    })
    const connected = { type: '@statelyai.connected' }
    page.message({ data: connected, origin: 'https://evil.example', source: frame?.contentWindow })
    page.message({ data: connected, origin: 'https://stately.ai', source: {} })
    page.message({ data: { type: 'other' }, origin: 'https://stately.ai', source: frame?.contentWindow })
    expect(frame?.posted).toEqual([])

    page.message({ data: connected, origin: 'https://stately.ai', source: frame?.contentWindow })
    expect(frame?.posted.map(([{ type }]) => type)).toEqual(['@xstate.actor', '@xstate.snapshot'])
    inspector.stepped({ id: 'shop-1', event: { type: 'resume.requested' }, snapshot })
    await eventually(() => frame?.posted.length === 4)
    expect(new Set(frame?.posted.map(([, target]) => target))).toEqual(new Set(['https://stately.ai']))
  })
})

async function serveIt(token?: string) {
  const server = await served(journal().view, { inspector, ...(token === undefined ? {} : { token }) })
  ;({ url } = server)
  return server
}

/** As much of an element as the page asks of one. */
class Element {
  readonly tag: string
  readonly children: Element[] = []
  readonly dataset: Record<string, string> = {}
  readonly attributes: Record<string, string> = {}
  readonly posted: [{ type: string }, string][] = []
  readonly contentWindow = {
    postMessage: (data: never, to: string) => this.posted.push([structuredClone(data), to]),
  }
  textContent = ''
  title = ''
  value = ''
  src = ''
  hidden = false
  disabled = false
  parent: Element | undefined
  readonly #listeners = new Map<string, (event: unknown) => void>()

  constructor(tag: string) {
    this.tag = tag
  }

  get cells(): readonly Element[] {
    return this.children
  }

  get lastChild(): Element | undefined {
    return this.children.at(-1)
  }

  append(child: Element): void {
    this.children.push(child)
    child.parent = this
  }

  prepend(child: Element): void {
    this.children.unshift(child)
    child.parent = this
  }

  replaceChildren(child: Element): void {
    this.children.splice(0, this.children.length, child)
  }

  remove(): void {
    this.parent?.children.splice(this.parent.children.indexOf(this), 1)
  }

  setAttribute(name: string, value: string): void {
    this.attributes[name] = value
  }

  addEventListener(type: string, listener: (event: unknown) => void): void {
    this.#listeners.set(type, listener)
  }

  fire(type: string, event: unknown): void {
    this.#listeners.get(type)?.(event)
  }
}

/** Loads the page and runs its script, which reaches the server through the real `fetch`. */
async function open(hash = '') {
  const html = await (await fetch(`${url}/inspect`)).text()
  const script = await (await fetch(`${url}/inspect/app.js`)).text()
  const ids = new Map([...html.matchAll(/id="(\w+)"/g)].map(([, id = '']) => [id, new Element(id)]))
  const element = (id: string): Element => {
    const found = ids.get(id)
    if (found === undefined) throw new TypeError(`the page has no ${id}`)
    return found
  }
  const root = new Element('html')
  root.dataset['ui'] = /data-ui="([^"]*)"/.exec(html)?.[1] ?? ''
  const replaced: string[] = []
  const global = new Element('window')
  const leaving = new AbortController()
  onTestFinished(() => leaving.abort())
  runInNewContext(script, {
    document: {
      documentElement: root,
      getElementById: element,
      createElement: (tag: string) => new Element(tag),
    },
    location: { hash, pathname: '/inspect' },
    history: { replaceState: (_state: unknown, _title: string, to: string) => replaced.push(to) },
    addEventListener: (type: string, listener: (event: unknown) => void) =>
      global.addEventListener(type, listener),
    fetch: async (path: string, init: RequestInit) => fetch(url + path, { ...init, signal: leaving.signal }),
    setTimeout: (fn: () => void, ms: number) => !leaving.signal.aborted && setTimeout(fn, Math.min(ms, 20)),
    URL,
    URLSearchParams,
    TextDecoderStream,
    JSON,
  })
  return {
    element,
    rows: () =>
      element('rollouts').children.map(({ children }) => children.map(({ textContent }) => textContent)),
    events: () => element('events').children.map(({ textContent }) => textContent),
    say: () => element('connection').textContent,
    frames: () => element('stately').children,
    replaced: () => replaced,
    message: (event: unknown) => global.fire('message', event),
  }
}
