/** Finds the files that rotation makes of one log: those of one family in one folder. */
import { basename, dirname, join } from 'node:path'
import { familyOf, isArchive } from './record.ts'
import { type Sibling, statIfThere } from './relatives.ts'
import type { SourceIo } from './source-io.ts'

/** Names of one family that are looked at; there are not more relatives of one file than that. */
const SIBLINGS_MAX = 1000
const FOLDERS_MAX = 64
/** A folder may change again within the step of its clock. */
const STEP_MS = 100

interface Listing {
  mtimeNs: bigint
  names: readonly string[]
  /** Family → names; made once the listing is asked again. */
  families?: Map<string, string[]>
}

export class Siblings {
  readonly #io: SourceIo
  /** Folders that have not changed for long enough to be told by their time. */
  readonly #listings = new Map<string, Listing>()

  constructor(io: SourceIo) {
    this.#io = io
  }

  /** Regular files of the family of the path in its folder, the file at the path itself included; archives last. */
  async of(path: string): Promise<Sibling[]> {
    const found: Sibling[] = []
    for (const name of await this.#names(path)) {
      const other = join(dirname(path), name)
      const stats = await statIfThere(this.#io, other).catch(() => undefined)
      if (stats?.isFile() === true) found.push({ path: other, stats })
    }
    return found.sort((one, other) => Number(isArchive(one.path)) - Number(isArchive(other.path)))
  }

  async #names(path: string): Promise<string[]> {
    const folder = dirname(path)
    const family = familyOf(path)
    const stats = await statIfThere(this.#io, folder).catch(() => undefined)
    if (!stats) return []
    const known = this.#listings.get(folder)
    if (known?.mtimeNs === stats.mtimeNs) {
      known.families ??= byFamily(folder, known.names)
      return (known.families.get(family) ?? []).slice(0, SIBLINGS_MAX)
    }
    this.#listings.delete(folder)
    // The folder has gone, or may not be read: then nobody is found in it.
    const entries = await this.#io.list(folder).catch(() => [])
    const names = entries.map(({ name }) => name)
    if (Date.now() - Number(stats.mtimeMs) > STEP_MS) this.#keep(folder, { mtimeNs: stats.mtimeNs, names })
    const stem = basename(family).replace(/\.[A-Za-z]+$/, '')
    return names
      .filter((name) => name.startsWith(stem) && familyOf(join(folder, name)) === family)
      .slice(0, SIBLINGS_MAX)
  }

  #keep(folder: string, listing: Listing): void {
    for (const oldest of this.#listings.keys()) {
      if (this.#listings.size < FOLDERS_MAX) break
      this.#listings.delete(oldest)
    }
    this.#listings.set(folder, listing)
  }
}

function byFamily(folder: string, names: readonly string[]): Map<string, string[]> {
  const families = new Map<string, string[]>()
  for (const name of names) {
    const family = familyOf(join(folder, name))
    const found = families.get(family)
    if (found) found.push(name)
    else families.set(family, [name])
  }
  return families
}
