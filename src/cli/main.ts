#!/usr/bin/env node
// The command. Nothing is loaded before it is known that this Node can load it, and then only what the command needs.
import { assertRuntime } from './runtime.ts'

assertRuntime()
const { enableCompileCache } = await import('node:module')
enableCompileCache()
const { main } = await import('./program.ts')
await main(process.argv.slice(2))
