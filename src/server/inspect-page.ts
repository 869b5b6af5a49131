// The page at `/inspect`: all of it is in this file, it asks nobody else for anything, and holds nothing that is secret.
import { Hono } from 'hono'

/** Serves the page; only when somebody asks for Stately's own inspector may it open `ui`, in a frame of its own. */
export function inspectPage(ui: string): Hono {
  const page = new Hono()
  const policy = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src ${new URL(ui).origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
  const file = (type: string, content: string) => () =>
    new Response(content, {
      headers: {
        'content-type': `${type}; charset=utf-8`,
        'content-security-policy': policy,
        'cache-control': 'no-cache',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      },
    })
  page.get('/inspect', file('text/html', PAGE.replace('{ui}', new URL(ui).href.replaceAll('"', '%22'))))
  page.get('/inspect/app.js', file('text/javascript', SCRIPT))
  page.get('/inspect/style.css', file('text/css', STYLE))
  return page
}

const PAGE = `<!doctype html>
<html lang="en" data-ui="{ui}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice inspector</title>
<link rel="stylesheet" href="/inspect/style.css">
<script src="/inspect/app.js" defer></script>
<header>
  <h1>Sluice inspector</h1>
  <p id="connection" role="status">connecting</p>
  <form id="login" hidden>
    <label>Token <input id="token" type="password" autocomplete="off" required></label>
    <button>Connect</button>
  </form>
  <button id="open" title="Loads a page from the internet; what it shows stays in this browser">Open in Stately</button>
</header>
<main>
  <section>
    <h2>Rollouts</h2>
    <table><thead><tr><th>rollout</th><th>state</th><th>status</th></tr></thead><tbody id="rollouts"></tbody></table>
  </section>
  <section>
    <h2>Events</h2>
    <ol id="events" reversed></ol>
  </section>
</main>
<div id="stately" hidden></div>
</html>
`

const STYLE = `:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif }
body { margin: 0 }
header { display: flex; gap: 1rem; align-items: baseline; padding: .5rem 1rem; border-bottom: 1px solid #8886 }
h1 { font-size: 1.1rem; margin: 0 }
h2 { font-size: 1rem }
#connection { margin: 0; flex: 1; opacity: .7 }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .2rem .5rem; border-bottom: 1px solid #8883; overflow-wrap: anywhere }
ol { list-style: none; padding: 0; max-height: 60vh; overflow: auto; font-family: ui-monospace, monospace }
#stately iframe { border: 0; width: 100%; height: 80vh }
[hidden] { display: none }
`

// Everything that arrives is shown as text, never as HTML.
const SCRIPT = `'use strict'
const MOST_EVENTS = 500
const byId = (id) => document.getElementById(id)
const ui = document.documentElement.dataset.ui
const rollouts = new Map() // id -> what is kept of it: the row, and what Stately is told first
let token = new URLSearchParams(location.hash.slice(1)).get('token') ?? ''
let frame = null
let isConnected = false
if (location.hash !== '') history.replaceState(null, '', location.pathname)

function pathOf(value) {
  if (typeof value === 'string') return value
  return Object.entries(value ?? {}).map(([state, inner]) => state + '.' + pathOf(inner)).join('+')
}

function rowOf(id) {
  const row = document.createElement('tr')
  for (let i = 0; i < 3; i++) row.append(document.createElement('td'))
  row.dataset.rollout = id
  byId('rollouts').prepend(row)
  return row
}

function show({ row }, name, snapshot) {
  const texts = [name, pathOf(snapshot.value), snapshot.status]
  texts.forEach((text, i) => { if (text !== undefined) row.cells[i].textContent = text })
}

function log({ sessionId, event, createdAt }) {
  const line = document.createElement('li')
  line.textContent = new Date(Number(createdAt)).toLocaleTimeString() + '  ' + sessionId + '  ' + event.type
  line.title = JSON.stringify(event)
  byId('events').prepend(line)
  while (byId('events').children.length > MOST_EVENTS) byId('events').lastChild.remove()
}

function take(message) {
  const id = message.sessionId
  const kept = rollouts.get(id)
  if (message.type === '@xstate.actor') {
    const next = { row: kept?.row ?? rowOf(id), actor: message, snapshot: null }
    rollouts.set(id, next)
    show(next, message.name, message.snapshot)
  } else if (message.type === '@xstate.event') log(message)
  else if (kept !== undefined) {
    kept.snapshot = message
    show(kept, undefined, message.snapshot)
  }
  forward(message)
}

function forward(message) {
  if (isConnected) frame.contentWindow.postMessage(message, new URL(ui).origin)
}

function openStately() {
  frame = document.createElement('iframe')
  frame.src = ui
  frame.title = 'Stately inspector'
  frame.setAttribute('sandbox', 'allow-scripts allow-same-origin allow-popups')
  byId('stately').replaceChildren(frame)
  byId('stately').hidden = false
  byId('open').disabled = true
}

addEventListener('message', ({ data, origin, source }) => {
  if (frame === null || source !== frame.contentWindow || origin !== new URL(ui).origin) return
  if (data?.type !== '@statelyai.connected') return
  isConnected = true
  for (const { actor, snapshot } of rollouts.values()) {
    forward(actor)
    if (snapshot !== null) forward(snapshot)
  }
})

function say(words) {
  byId('connection').textContent = words
}

async function read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const blocks = (text + value).split('\\n\\n')
    text = blocks.pop()
    for (const block of blocks) {
      if (block.startsWith('data: ')) take(JSON.parse(block.slice(6)))
    }
  }
}

async function connect() {
  const headers = token === '' ? {} : { authorization: 'Bearer ' + token }
  try {
    const answer = await fetch('/inspect/events', { headers })
    byId('login').hidden = answer.status !== 401
    if (answer.status === 401) return say('a token is needed')
    if (!answer.ok) throw new Error(answer.status)
    say('live')
    await read(answer.body)
  } catch {
    // Said below.
  }
  say('the connection was lost; trying again')
  setTimeout(connect, 1000)
}

byId('open').addEventListener('click', openStately)
byId('login').addEventListener('submit', (event) => {
  event.preventDefault()
  token = byId('token').value
  connect()
})
connect()
`
