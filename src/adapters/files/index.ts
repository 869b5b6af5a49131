import { link, open, rename, rm } from 'node:fs/promises'

export interface ReplaceOptions {
  /** Whether the old text stays beside it as `….previous`. @defaultValue false */
  readonly keepPrevious?: boolean
}

/**
 * Replaces a file so that a reader, also after a power cut, finds either the old text or the new one. Readable by its owner
 * only.
 */
export async function replaceFile(
  path: string,
  text: string,
  { keepPrevious = false }: ReplaceOptions = {},
): Promise<void> {
  const next = `${path}.next`
  const file = await open(next, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  if (keepPrevious) await keep(path)
  await rename(next, path)
}

async function keep(path: string): Promise<void> {
  await rm(`${path}.previous`, { force: true })
  try {
    await link(path, `${path}.previous`)
  } catch {
    // There is none yet; or the file system knows no links, and does without the copy.
  }
}
