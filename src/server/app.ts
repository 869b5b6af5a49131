// What is answered under which path.
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import type { EngineView } from '../engine/view.ts'
import { UsageError } from '../errors.ts'
import { jsonOf } from './body.ts'
import { decodeOperatorEvent, decodeRollbackRequest } from './decode.ts'
import type { EventStreams } from './event-stream.ts'
import { admit, type GuardOptions } from './guard.ts'
import { inspectPage } from './inspect-page.ts'
import type { StatelyInspector } from './inspector.ts'
import { type JournalQuery, streamJournal } from './journal-stream.ts'
import { answerTo, HttpRefusal } from './refusal.ts'
import { streamState } from './state-stream.ts'

export interface AppOptions {
  readonly guard: GuardOptions
  readonly streams: EventStreams
  readonly inspector: StatelyInspector | null
}

type App = Hono<{ Bindings: HttpBindings }>
type Asked = Context<{ Bindings: HttpBindings }>

const PATHS =
  'GET /v1/health, /v1/services, /v1/services/:name, /v1/rollouts/:id, /v1/rollouts/:id/state, /v1/events; POST /v1/rollouts/:id/events, /v1/services/:name/rollback'

/** Never kept by anybody on the way, never taken for something else, never part of another page. */
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
}

export function createApp(engine: EngineView, { guard, streams, inspector }: AppOptions): App {
  const app: App = new Hono()
  app.use(async (c, next) => {
    admit(c.req.raw, guard)
    await next()
  })
  look(app, engine)
  ask(app, engine)
  follow(app, engine, streams)
  if (inspector !== null) inspect(app, inspector, streams)
  app.notFound((c) => failed(c, nothingThere(c)))
  app.onError((error, c) => failed(c, error))
  return app
}

function look(app: App, engine: EngineView): void {
  app.get('/v1/health', async (c) => answer(c, { status: 'ok', head: await engine.head() }))
  app.get('/v1/services', (c) => answer(c, engine.services()))
  app.get('/v1/services/:name', (c) => {
    const name = c.req.param('name')
    const found = engine.services().find(({ service }) => service === name)
    if (found !== undefined) return answer(c, found)
    throw new UsageError('ROLLOUT_UNKNOWN', `no service is called ${name.slice(0, 64)}`, {
      hint: 'GET /v1/services lists all of them',
    })
  })
  app.get('/v1/rollouts/:id', (c) => answer(c, engine.rollout(c.req.param('id'))))
}

function ask(app: App, engine: EngineView): void {
  app.post('/v1/rollouts/:id/events', async (c) => {
    const event = decodeOperatorEvent(await jsonOf(c.req.raw))
    return answer(c, await engine.send(c.req.param('id'), event))
  })
  app.post('/v1/services/:name/rollback', async (c) => {
    const request = decodeRollbackRequest(await jsonOf(c.req.raw))
    return answer(c, await engine.rollback(c.req.param('name'), request))
  })
}

function follow(app: App, engine: EngineView, streams: EventStreams): void {
  app.get('/v1/events', async (c) => {
    const query = await journalQuery(c, engine)
    const stream = streams.open(c.env.outgoing)
    // Whoever leaves before the first event can still come back without a gap.
    stream.write(`id: ${query.since}\n\n`)
    return going(streamJournal(engine, stream, query))
  })
  app.get('/v1/rollouts/:id/state', (c) => {
    const id = c.req.param('id')
    engine.rollout(id)
    return going(streamState(engine, streams.open(c.env.outgoing), id))
  })
}

function inspect(app: App, inspector: StatelyInspector, streams: EventStreams): void {
  app.route('/', inspectPage(inspector.ui))
  app.get('/inspect/events', (c) => {
    inspector.show(streams.open(c.env.outgoing))
    return RESPONSE_ALREADY_SENT
  })
}

/** A stream answers by itself; one that fails has ended, and its reader comes back. */
function going(stream: Promise<void>): Response {
  stream.catch(() => {})
  return RESPONSE_ALREADY_SENT
}

/** Where a reader was last is said by the header that browsers send by themselves, or by the query. */
async function journalQuery(c: Asked, engine: EngineView): Promise<JournalQuery> {
  const head = await engine.head()
  const said = c.req.header('last-event-id') ?? c.req.query('since')
  const since = said === undefined || said === '' ? head : cursorOf(said)
  if (since > head) {
    throw new HttpRefusal(
      410,
      `since: the journal ends at ${head}, so it is not the one that was read before`,
      {
        hint: 'Start again with since=0, or without since',
      },
    )
  }
  return { since, rollout: c.req.query('rollout') ?? null, service: c.req.query('service') ?? null }
}

function cursorOf(text: string): number {
  const cursor = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(cursor)) return cursor
  throw new UsageError('ARGUMENT_INVALID', 'since: expected the cursor of an event', {
    hint: 'Write the id of the last message that was read, or 0 for everything',
  })
}

function nothingThere(c: Asked): HttpRefusal {
  return new HttpRefusal(404, `there is nothing at ${c.req.method} ${c.req.path.slice(0, 100)}`, {
    hint: PATHS,
  })
}

function failed(c: Asked, error: unknown): Response {
  const { status, body } = answerTo(error)
  if (status === 401) c.header('www-authenticate', 'Bearer')
  // All statuses of the table have a body.
  return answer(c, body, status as ContentfulStatusCode)
}

function answer(c: Asked, body: object, status: ContentfulStatusCode = 200): Response {
  return c.json(body, status, HEADERS)
}
