// Reports a mistake of ours the way the command does, in a process of its own.
import { report } from '../../src/cli/failure.ts'

const [, , stateDir = '', ...flags] = process.argv
const error = new TypeError('no such thing: http://user:hunter2@host/?token=hunter2')
process.exitCode = report(error, {
  stateDir,
  json: flags.includes('--json'),
  quiet: false,
  debug: flags.includes('--debug'),
})
