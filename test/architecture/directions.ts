// Who may import whom, said once. Lint tells an author at once (`.oxlintrc.json`), `planted.test.ts` proves that lint says
// exactly what stands here, and `imports.test.ts` holds the real sources against it with a parser of its own.

/** A part of `src` and everything it may import beside itself; whatever is not named here is forbidden. */
export interface Layer {
  readonly name: string
  /** Its files, as a glob under `src`; the first layer that matches owns a file. */
  readonly files: string
  /** One file of it: where violations are planted, and what the others would import of it. */
  readonly sample: string
  /** Names of the layers it may import. */
  readonly layers: readonly string[]
  /** Packages and `node:` modules; `node:*` is all of Node except what is some other layer's own. */
  readonly packages: readonly string[]
  /** Packages of which it may name types, so that nothing of them is loaded. */
  readonly types: readonly string[]
}

/** Node's modules that only the layers naming them may use. */
export const OWNED_BY_A_LAYER: readonly string[] = ['node:sqlite']

const core = ['errors', 'units', 'analysis', 'events', 'streams']
const decisions = [...core, 'machines', 'ports', 'scrub', 'view', 'fence', 'engine']
const surface = [...decisions, 'options', 'server', 'defaults', 'parts']
const adapters = ['adapters', 'embedded-proxy', 'files', 'references', 'requests', 'sqlite-store']

/** From the core outwards. A file of `src` that no line matches has no place yet: that is a mistake, too. */
export const layers: readonly Layer[] = [
  layer('errors', 'errors.ts', { layers: [] }),
  layer('units', 'units.ts', { layers: ['errors'] }),
  layer('analysis', 'analysis/*', { layers: ['errors', 'units'] }),
  layer('streams', 'events/streams.ts', {
    layers: ['errors', 'units', 'analysis', 'events'],
    packages: ['rxjs'],
  }),
  layer('events', 'events/*', { layers: ['errors', 'units', 'analysis', 'streams'] }),
  layer('machines', 'machines/*', { layers: core, packages: ['xstate'] }),

  layer('ports', 'engine/ports.ts', { layers: core, types: ['rxjs'] }),
  layer('scrub', 'engine/scrub.ts', { layers: [] }),
  layer('view', 'engine/view.ts', { layers: [...core, 'machines'], types: ['rxjs'] }),
  layer('fence', 'engine/fence.ts', { layers: ['errors'], packages: ['rxjs'] }),
  layer('engine', 'engine/*', {
    layers: [...core, 'machines', 'ports', 'scrub', 'view', 'fence'],
    packages: ['rxjs', 'eventemitter3', 'pino', 'node:crypto'],
    types: ['xstate'],
  }),
  layer('server', 'server/*', {
    layers: decisions,
    packages: ['rxjs', 'hono', '@hono/node-server', '@statelyai/inspect', 'node:*'],
  }),
  layer('rollout-file', 'config/rollout-file.ts', { layers: [...decisions, 'options'] }),
  layer('config', 'config/*', {
    layers: ['rollout-file', ...decisions, 'options'],
    packages: ['zod', 'yaml', 'fastest-levenshtein', 'node:*'],
  }),
  layer('client', 'client/*', {
    layers: [...core, 'view', 'fence'],
    packages: ['rxjs', 'eventsource-parser'],
  }),

  layer('files', 'adapters/files/*', { layers: ['errors', 'units'], packages: ['node:*'] }),
  layer('references', 'adapters/references/*', { layers: ['errors', 'units'], packages: ['node:*'] }),
  layer('requests', 'adapters/requests/*', { layers: ['errors', 'units'], packages: ['node:*'] }),
  layer('embedded-proxy', 'adapters/embedded-proxy/*', adapter({ packages: ['undici', 'node:sqlite'] })),
  layer('sqlite-store', 'adapters/sqlite-store/*', adapter({ packages: ['node:sqlite'] })),
  layer('adapters', 'adapters/*/*', adapter({ packages: [] })),

  layer('options', 'options.ts', { layers: decisions }),
  layer('defaults', 'defaults.ts', {
    layers: [...decisions, 'options', 'server', ...adapters],
    packages: ['node:*'],
  }),
  layer('index', 'index.ts', { layers: [...surface, 'rollout-file'] }),
  layer('parts', '*.ts', { layers: [...decisions, 'options', 'server', 'defaults'], packages: ['rxjs'] }),
  layer('cli', 'cli/**', {
    layers: [...surface, 'index', 'rollout-file', 'config', 'client', ...adapters],
    packages: ['commander', 'log-update', 'fastest-levenshtein', 'pino', 'rxjs', 'undici', 'node:*'],
  }),
  layer('testing', 'testing/**', {
    layers: [...decisions, 'options', 'defaults', 'parts', 'index', 'client', ...adapters],
    packages: ['vitest', 'fast-check', '@fast-check/vitest', 'rxjs', 'xstate', 'undici', 'node:*'],
  }),
]

/** Folders and files whose code has neither clock, nor chance, nor world. */
export const PURE: readonly string[] = ['errors', 'units', 'analysis', 'events', 'streams', 'machines']

/** All that pure code may use of the global scope; everything else that Node has is forbidden there. */
export const PURE_GLOBALS: readonly string[] = `
  Object Array Map Set WeakMap WeakSet Symbol Proxy Reflect Iterator Promise structuredClone
  String Number Boolean BigInt Math JSON RegExp NaN Infinity undefined isFinite isNaN parseFloat parseInt
  Error AggregateError EvalError RangeError ReferenceError SuppressedError SyntaxError TypeError URIError
  ArrayBuffer DataView BigInt64Array BigUint64Array Float16Array Float32Array Float64Array
  Int8Array Int16Array Int32Array Uint8Array Uint8ClampedArray Uint16Array Uint32Array
  DisposableStack AsyncDisposableStack
  decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape`.split(/\s+/)

/** Time and the network reach the engine through ports, or the simulated world would not be the whole world. */
export const NOT_IN_ENGINE: readonly string[] =
  'Date performance setTimeout setInterval fetch WebSocket globalThis global'.split(' ')

/** The values a machine may take from XState: nothing that starts an actor, waits, or speaks to another machine. */
export const MACHINE_WORDS: readonly string[] = [
  'setup',
  'assign',
  'enqueueActions',
  'and',
  'or',
  'not',
  'stateIn',
]

type Allowed = Partial<Pick<Layer, 'layers' | 'packages' | 'types'>>

function layer(name: string, files: string, allowed: Allowed): Layer {
  const sample = files.replace(/\*\*?$|\*(?=\.ts$)/, 'planted').replace('*/', 'planted/')
  return {
    name,
    files,
    sample: sample.endsWith('.ts') ? sample : `${sample}.ts`,
    layers: [],
    packages: [],
    types: [],
    ...allowed,
  }
}

function adapter(own: { readonly packages: readonly string[] }): Allowed {
  return {
    layers: [...core, 'ports', 'scrub', 'files', 'references', 'requests'],
    packages: ['node:*', 'rxjs', ...own.packages],
  }
}
