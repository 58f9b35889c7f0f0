import { access, mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { LoadTarget } from '../context.ts'
import { messagesIn } from './rows.ts'

/** A store in a folder that survives the process: one file for each token, there whole or not at all. */
export class FolderTarget implements LoadTarget {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  async load({ files, token }: { files: readonly string[]; token: string }): Promise<void> {
    await mkdir(this.#dir, { recursive: true })
    const path = join(this.#dir, `${token}.rows`)
    if (await exists(path)) return
    const temporary = join(this.#dir, `${token}.tmp`)
    const file = await open(temporary, 'w')
    for (const source of files) await file.write(await readFile(source))
    await file.close()
    await rename(temporary, path)
  }

  async rows(): Promise<string[]> {
    const names = (await readdir(this.#dir)).filter((name) => name.endsWith('.rows'))
    const contents = await Promise.all(names.map((name) => readFile(join(this.#dir, name))))
    return contents.flatMap((bytes) => messagesIn(bytes))
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    // Not there is the usual answer.
    return false
  }
}
