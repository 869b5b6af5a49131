// The service that the demo releases: a real HTTP server, one process a version. `v3` is the broken one.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const version = process.env['SLUICE_VERSION'] ?? 'v1'
const port = Number(process.env['PORT'] ?? 0)
/** How this version behaves to its users; to a probe all versions look well. */
const { failing, slowMs } = version === 'v3' ? { failing: 0.2, slowMs: 120 } : { failing: 0, slowMs: 2 }

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  res.setHeader('x-version', version)
  if (req.url === '/health') {
    res.end('ok')
    return
  }
  let size = 0
  for await (const chunk of req) if (Buffer.isBuffer(chunk)) size += chunk.length
  await sleep(Math.random() * slowMs)
  if (Math.random() < failing) res.writeHead(500).end('broken')
  else res.end(`${version} took ${size} bytes\n`)
}

const server = createServer((req, res) => {
  answer(req, res).catch(() => res.destroy())
})
server.listen(port, '127.0.0.1')
// What is open is answered before the process ends; idle connections are not waited for.
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
