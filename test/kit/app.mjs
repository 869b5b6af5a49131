// A version of a service for tests to run as a process: a real HTTP server on 127.0.0.1 at PORT.
//
// GET /           the name of its version
// GET /health     200
// GET /env/NAME   what that environment variable holds; 404 when it isn't set
// GET /exit/N     ends the process with code N, without an answer
//
// Set in its environment: EXIT_AFTER_MS (ends by itself, with EXIT_CODE or 0), LAST_WORDS (printed before it ends by itself),
// and SIGTERM=ignore.
import { createServer } from 'node:http'

const { PORT, SLUICE_VERSION = '', EXIT_AFTER_MS, EXIT_CODE = '0', LAST_WORDS = '', SIGTERM } = process.env

const server = createServer((req, res) => {
  const [, verb, what = ''] = (req.url ?? '/').split('/')
  if (verb === 'exit') return end(Number(what))
  if (verb !== 'env') return res.end(SLUICE_VERSION)
  const value = process.env[what]
  res.statusCode = value === undefined ? 404 : 200
  return res.end(value)
})

function end(code) {
  process.stderr.write(LAST_WORDS === '' ? '' : `${LAST_WORDS}\n`, () => process.exit(code))
}

process.on('SIGTERM', () => {
  if (SIGTERM === 'ignore') return
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
server.listen(Number(PORT), '127.0.0.1')
if (EXIT_AFTER_MS !== undefined) setTimeout(() => end(Number(EXIT_CODE)), Number(EXIT_AFTER_MS))
