import { open, rename } from 'node:fs/promises'

/** Replaces a file as a whole; resolves when the disk has it. */
export async function saveFile(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}
