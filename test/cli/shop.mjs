// The service that the tests of the command release: `/` answers with its version, and with 500 as often as FAIL says (0 to 1);
// `/health` is always well, `/broken` is not, and the answer of `/hold` has no end.
import { createServer } from 'node:http'

const { PORT, SLUICE_VERSION = '', FAIL = '0' } = process.env
let asked = 0

const server = createServer((req, res) => {
  if (req.url === '/health') return res.end('ok')
  if (req.url === '/hold') return res.write(SLUICE_VERSION)
  if (req.url === '/broken') return res.writeHead(500).end()
  // Spread evenly instead of drawn: a test has no bad luck.
  asked++
  const fails = Math.floor(asked * Number(FAIL)) > Math.floor((asked - 1) * Number(FAIL))
  return res.writeHead(fails ? 500 : 200, { 'x-version': SLUICE_VERSION }).end(SLUICE_VERSION)
})
server.listen(Number(PORT), '127.0.0.1')
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
