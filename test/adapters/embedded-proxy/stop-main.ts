// A program that only stops a proxy: nothing else keeps it alive.
import { embeddedProxy } from '../../../src/adapters/embedded-proxy/index.ts'

await embeddedProxy({ stateDir: process.argv[2] ?? '' }).stop()
process.stdout.write('stopped')
