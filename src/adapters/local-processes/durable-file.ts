import { open, rename } from 'node:fs/promises'

/** Replaces a file so that a reader finds either the old text or the new one. Readable by its owner only. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.next`
  const file = await open(next, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
}
