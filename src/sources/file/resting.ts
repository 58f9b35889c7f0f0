import { familyOf, type FileRecord, identityOf } from './record.ts'

/** What is known of files that nobody reads, in the order in which they came to rest. */
export class Resting {
  readonly #records = new Map<number, FileRecord>()
  readonly #byId = new Map<string, Set<number>>()
  readonly #byFamily = new Map<string, Set<number>>()

  values(): IterableIterator<FileRecord> {
    return this.#records.values()
  }

  get(key: number): FileRecord | undefined {
    return this.#records.get(key)
  }

  set(record: FileRecord): void {
    this.delete(record.key)
    this.#records.set(record.key, record)
    addTo(this.#byId, identityOf(record), record.key)
    addTo(this.#byFamily, familyOf(record.path), record.key)
  }

  delete(key: number): void {
    const record = this.#records.get(key)
    if (!record) return
    this.#records.delete(key)
    removeFrom(this.#byId, identityOf(record), key)
    removeFrom(this.#byFamily, familyOf(record.path), key)
  }

  /** Those first of which most was read. */
  byId(id: string): FileRecord[] {
    return this.#all(this.#byId.get(id)).sort(byOffset)
  }

  /** Those first of which most was read. */
  ofFamily(family: string): FileRecord[] {
    return this.#all(this.#byFamily.get(family)).sort(byOffset)
  }

  #all(keys: ReadonlySet<number> | undefined): FileRecord[] {
    return [...(keys ?? [])].map((key) => this.#records.get(key)).filter((record) => record !== undefined)
  }
}

function byOffset(one: FileRecord, other: FileRecord): number {
  return other.offset - one.offset || other.crcBytes - one.crcBytes
}

function addTo(index: Map<string, Set<number>>, name: string, key: number): void {
  const found = index.get(name)
  if (found) found.add(key)
  else index.set(name, new Set([key]))
}

function removeFrom(index: Map<string, Set<number>>, name: string, key: number): void {
  const found = index.get(name)
  found?.delete(key)
  if (found?.size === 0) index.delete(name)
}
