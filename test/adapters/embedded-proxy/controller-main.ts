// A controller for tests to kill: moves traffic to and fro without end.
import { embeddedProxy } from '../../../src/adapters/embedded-proxy/index.ts'
import type { Route } from '../../../src/engine/ports.ts'

const [stateDir = '', json = ''] = process.argv.slice(2)
const route: Route = JSON.parse(json)
const { router } = embeddedProxy({ stateDir })
const signal = AbortSignal.timeout(60_000)
for (let n = 1; ; n++) {
  const backends = n % 2 === 0 ? route.backends : route.backends.toReversed()
  const applied = await router.apply({ ...route, backends, generation: { claim: 1, n } }, { signal })
  process.stdout.write(`${JSON.stringify(applied)}\n`)
}
