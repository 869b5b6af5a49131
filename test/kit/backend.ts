export { type Backend, backend } from '../../src/testing/version-server.ts'
