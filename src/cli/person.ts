import { userInfo } from 'node:os'

/** Who asks, for the journal; the system may know no name for it. */
export function person(): string {
  try {
    return userInfo().username
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`
  }
}
