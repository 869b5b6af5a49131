// A process that loads configs and says what came of each: Node itself imports the modules, not the test runner.
import { ConfigError, loadConfig } from '../../src/config/index.ts'

const outcomes: unknown[] = []
for (const path of process.argv.slice(2)) outcomes.push(await outcomeOf(path))
process.stdout.write(JSON.stringify(outcomes))

async function outcomeOf(path: string): Promise<unknown> {
  try {
    return { config: await loadConfig(path) }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { problems: error.problems, text: error.message }
  }
}
