/** Finds the files that rotation makes of one log: those of one family in one folder. */
import type { BigIntStats } from 'node:fs'
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
    return (await this.all(path)).siblings
  }

  /** The same. `isWhole`: no name changed meanwhile, so that a file that was not found is not there. */
  async all(path: string): Promise<{ siblings: Sibling[]; isWhole: boolean }> {
    const folder = dirname(path)
    const before = await statIfThere(this.#io, folder).catch(() => undefined)
    if (!before) return { siblings: [], isWhole: false }
    const names = await this.#names(path, before)
    const siblings: Sibling[] = []
    let isWhole = names !== undefined && names.length < SIBLINGS_MAX
    for (const name of names ?? []) {
      const other = join(folder, name)
      const stats = await statIfThere(this.#io, other).catch(() => undefined)
      if (stats?.isFile() === true) siblings.push({ path: other, stats })
      isWhole &&= stats !== undefined
    }
    const after = await statIfThere(this.#io, folder).catch(() => undefined)
    isWhole &&= after?.mtimeNs === before.mtimeNs && isSteady(before)
    siblings.sort((one, other) => Number(isArchive(one.path)) - Number(isArchive(other.path)))
    return { siblings, isWhole }
  }

  async #names(path: string, stats: BigIntStats): Promise<readonly string[] | undefined> {
    const folder = dirname(path)
    const family = familyOf(path)
    const known = this.#listings.get(folder)
    if (known?.mtimeNs === stats.mtimeNs) {
      known.families ??= byFamily(folder, known.names)
      return (known.families.get(family) ?? []).slice(0, SIBLINGS_MAX)
    }
    this.#listings.delete(folder)
    // The folder has gone, or may not be read: then nobody is found in it.
    const entries = await this.#io.list(folder).catch(() => undefined)
    if (!entries) return undefined
    const names = entries.map(({ name }) => name)
    if (isSteady(stats)) this.#keep(folder, { mtimeNs: stats.mtimeNs, names })
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

function isSteady({ mtimeMs }: BigIntStats): boolean {
  return Date.now() - Number(mtimeMs) > STEP_MS
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
