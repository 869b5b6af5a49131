// Writes `schema.json`, by which editors check and complete rollout files: `npm run schema`. A test holds it against the code.
import { writeFile } from 'node:fs/promises'

import { configSchema } from '../src/config/index.ts'

await writeFile(new URL('../schema.json', import.meta.url), `${JSON.stringify(configSchema(), null, 2)}\n`)
