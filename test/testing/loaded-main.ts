// Imports the modules that it is told, and prints every module that was loaded for them.
import { registerHooks } from 'node:module'

const loaded = new Set<string>()
registerHooks({
  load(url, context, nextLoad) {
    loaded.add(url)
    return nextLoad(url, context)
  },
})
const imported = await Promise.allSettled(process.argv.slice(2).map(async (url) => import(url)))
const failed = imported.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []))
process.stdout.write(JSON.stringify({ loaded: [...loaded], failed }))
