// Writes docs/<strategy>.md from the machines; with --check, only says which of them are not what the machines say.
import { readFile, writeFile } from 'node:fs/promises'

import { graphOf } from '../src/cli/graph/model.ts'
import { toPage } from '../src/cli/graph/page.ts'
import { strategies } from '../src/machines/index.ts'

const isCheck = process.argv.includes('--check')

for (const [name, { machine }] of Object.entries(strategies)) {
  const file = new URL(`../docs/${name}.md`, import.meta.url)
  const page = toPage(graphOf(machine))
  if (!isCheck) await writeFile(file, page)
  else if ((await readFile(file, 'utf8').catch(() => '')) !== page) {
    console.error(`docs/${name}.md is not what the machine says: run node scripts/docs.ts`)
    process.exitCode = 1
  }
}
