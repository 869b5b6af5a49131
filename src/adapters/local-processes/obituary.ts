import type { Exit } from './launch.ts'
import { lastLine } from './log-file.ts'

/** How an instance ended; all that is known of one that an earlier controller started is that it did. */
export type Ending = ({ readonly kind: 'exited' } & Exit) | { readonly kind: 'unseen' | 'unwatched' }

/** What is known of how an instance ended, for people: with the last line it printed, where that can hold no secret. */
export async function obituary(
  ending: Ending,
  log: { readonly path: string; readonly from: number; readonly secrets: readonly string[] | null },
): Promise<string> {
  const { path, from, secrets } = log
  const line = secrets === null ? null : await lastLine(path, { from, secrets })
  return line === null ? inWords(ending) : `${inWords(ending)}; its last line: ${line}`
}

function inWords(ending: Ending): string {
  switch (ending.kind) {
    case 'exited':
      return ending.signal === null ? `exited with code ${ending.code}` : `was killed by ${ending.signal}`
    case 'unseen':
      return 'ended, and only the controller that started it could know how'
    case 'unwatched':
      return 'ended while no controller was there'
  }
}
