import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import Type, { type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { AppError } from '../core/errors.ts'

/** Changes of one list that may wait for each other; more are refused. */
const CHANGES_WAITING_MAX = 64
const RETRY_SECONDS = 5
const FORMAT = 1

/** A list whose changes count once they are kept. */
export type KeptList<S extends TSchema> = Pick<ListFile<S>, 'items' | 'change'>

/**
 * A list of items in a JSON file, read once and held in memory. A change is on disk before it counts: it is written to
 * another name, synced and renamed, so that the file is whole or absent. One change at a time. Without a path it is in
 * memory alone.
 */
export class ListFile<S extends TSchema> {
  readonly #path: string | undefined
  #items: readonly Static<S>[]
  #work: Promise<unknown> = Promise.resolve()
  #waiting = 0

  private constructor(path: string | undefined, items: readonly Static<S>[]) {
    this.#path = path
    this.#items = items
  }

  /** Rejects with CONFIG_INVALID when there is a file that cannot be used. */
  static async open<S extends TSchema>({ path, item }: { path: string | undefined; item: S }): Promise<ListFile<S>> {
    if (path === undefined) return new ListFile<S>(path, [])
    const text = await readIfThere(path)
    return new ListFile<S>(path, text === undefined ? [] : parse(path, text, item))
  }

  get items(): readonly Static<S>[] {
    return this.#items
  }

  /**
   * Makes the list what `edit` returns for what is in it then; the very same array means no change. Resolves once that
   * is on disk. Rejects with what `edit` throws, SAVED_WRITE_FAILED when nothing has changed, or TOO_MANY_REQUESTS.
   */
  async change(edit: (items: readonly Static<S>[]) => readonly Static<S>[]): Promise<void> {
    if (this.#waiting >= CHANGES_WAITING_MAX) {
      throw new AppError('TOO_MANY_REQUESTS', { detail: 'Too many changes at once.', retryAfterSeconds: 1 })
    }
    this.#waiting++
    const done = this.#work.then(() => this.#change(edit))
    // Whoever asked for it is told of its failure.
    this.#work = done.then(
      () => undefined,
      () => undefined,
    )
    try {
      await done
    } finally {
      this.#waiting--
    }
  }

  /** Resolves when no change is under way. */
  async settled(): Promise<void> {
    await this.#work
  }

  async #change(edit: (items: readonly Static<S>[]) => readonly Static<S>[]): Promise<void> {
    const changed = edit(this.#items)
    if (changed === this.#items) return
    try {
      await write(this.#path, `${JSON.stringify({ format: FORMAT, items: changed }, null, 1)}\n`)
    } catch (cause) {
      throw new AppError('SAVED_WRITE_FAILED', {
        cause,
        detail: 'It could not be written to the data folder; nothing has changed.',
        retryAfterSeconds: RETRY_SECONDS,
      })
    }
    this.#items = changed
  }
}

async function write(path: string | undefined, text: string): Promise<void> {
  if (path === undefined) return
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  const folder = await open(dirname(path))
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusable(path, `cannot be read: ${(cause as Error).message}`, cause)
  }
}

function parse<S extends TSchema>(path: string, text: string, item: S): Static<S>[] {
  const schema = Type.Object({ format: Type.Literal(FORMAT), items: Type.Array(item) })
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (cause) {
    throw unusable(path, 'is damaged: it is not JSON', cause)
  }
  if (Value.Check(schema, content)) return content.items
  const [problem] = Value.Errors(schema, content)
  throw unusable(path, `is damaged: ${problem?.instancePath ?? ''} ${problem?.message ?? 'is not as it has to be'}`)
}

function unusable(path: string, what: string, cause?: unknown): AppError {
  return new AppError('CONFIG_INVALID', {
    cause,
    detail: `The file ${path} ${what}.`,
    hint: 'Put a copy of it back, or remove it and what was saved in it.',
  })
}
