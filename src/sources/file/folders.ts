import { type FSWatcher, watch } from 'node:fs'
import { readdir, realpath, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from '../../core/logger.ts'
import { type FilePattern, patternOf } from './pattern.ts'
import { errorCode } from './source-io.ts'

export interface FoldersOptions {
  patterns: readonly FilePattern[]
  foldersMax: number
  logger: Logger
  /** A file of a watched folder changed; `isMoved`: it came, went, or was replaced. */
  onChange: (path: string, isMoved: boolean) => void
  /** A folder may have come or gone. */
  onFolders: () => void
}

interface Walk {
  folder: string
  /** How many levels below are looked at. */
  depth: number
  paths: Set<string>
  /** Those that were listed, with the depth to which. */
  folders: Map<string, number>
  above: readonly string[]
}

/** File systems whose changes are made elsewhere, so that this machine is not told: NFS, SMB, CIFS, FUSE, 9p. */
const SILENT_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x65735546, 0x01021997,
])

/** Lists what the patterns select, and watches the folders that this takes. */
export class Folders {
  readonly #options: FoldersOptions
  readonly #watchers = new Map<string, FSWatcher | undefined>()
  /** Folders that targets of links are in. */
  readonly #extra = new Set<string>()
  readonly #problems = new Map<string, string>()
  #isWarned = false

  constructor(options: FoldersOptions) {
    this.#options = options
  }

  /** Folders that cannot be read, and why. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems
  }

  get size(): number {
    return this.#watchers.size
  }

  /** Whether there are folders that have to be looked at in order to see changes. */
  get mustPoll(): boolean {
    for (const watcher of this.#watchers.values()) if (!watcher) return true
    return false
  }

  /** Every path that a pattern selects now. Folders that are new are watched from here on, others no longer. */
  async scan(): Promise<Set<string>> {
    const paths = new Set<string>()
    const folders = new Map<string, number>()
    this.#problems.clear()
    for (const pattern of this.#options.patterns) {
      const { root, depth } = pattern.glob
      await this.#walk({ folder: root, depth, paths, folders, above: [] })
      if (!folders.has(root)) folders.set(await nearestFolder(root), 0)
    }
    for (const folder of this.#extra) folders.set(folder, 0)
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue
      watcher?.close()
      this.#watchers.delete(folder)
    }
    // In order, so that a file that comes while a folder is listed is either in the list or told of.
    for (const folder of folders.keys()) await this.#watch(folder)
    return paths
  }

  /** Changes in this folder are told as well. */
  async watchExtra(folder: string): Promise<void> {
    this.#extra.add(folder)
    await this.#watch(folder)
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher?.close()
    this.#watchers.clear()
  }

  async #walk(at: Walk): Promise<void> {
    const { folder, depth, paths, folders, above } = at
    if ((folders.get(folder) ?? -1) >= depth) return
    if (folders.size >= this.#options.foldersMax) return this.#warnFolders()
    await this.#watch(folder)
    let entries
    try {
      entries = await readdir(folder, { withFileTypes: true })
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'ENOTDIR')
        this.#problems.set(folder, (error as Error).message)
      return
    }
    folders.set(folder, depth)
    for (const entry of entries) {
      const path = join(folder, entry.name)
      let isFolder = entry.isDirectory()
      if (entry.isSymbolicLink()) isFolder = await leadsToFolder(path)
      if (!isFolder) {
        if (patternOf(path, this.#options.patterns)) paths.add(path)
      } else if (depth > 0 && !entry.name.startsWith('.')) {
        // A link that leads back to a folder above would be followed without end.
        const real = entry.isSymbolicLink() ? await realpath(path).catch(() => undefined) : path
        if (real === undefined || above.includes(real) || real === folder) continue
        await this.#walk({ folder: path, depth: depth - 1, paths, folders, above: [...above, folder, real] })
      }
    }
  }

  async #watch(folder: string): Promise<void> {
    if (this.#watchers.has(folder) && this.#watchers.get(folder)) return
    if (await isSilent(folder)) {
      this.#watchers.set(folder, undefined)
      return
    }
    try {
      const watcher = watch(folder, { persistent: false }, (kind, name) => this.#told(folder, kind, name))
      watcher.on('error', () => this.#lost(folder))
      this.#watchers.set(folder, watcher)
    } catch {
      // No more watches to be had, or none on this file system: it is looked at instead.
      this.#watchers.set(folder, undefined)
    }
  }

  #told(folder: string, kind: string, name: string | null): void {
    if (name === null) return this.#options.onFolders()
    const path = join(folder, name)
    const isMoved = kind === 'rename'
    this.#options.onChange(path, isMoved)
    if (isMoved && !patternOf(path, this.#options.patterns)) this.#options.onFolders()
  }

  #lost(folder: string): void {
    this.#watchers.get(folder)?.close()
    this.#watchers.delete(folder)
    this.#options.onFolders()
  }

  #warnFolders(): void {
    if (this.#isWarned) return
    this.#isWarned = true
    this.#options.logger.warn(
      { foldersMax: this.#options.foldersMax },
      'There are more folders than are watched: narrow the paths',
    )
  }
}

async function leadsToFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    // It leads nowhere, for now.
    return false
  }
}

/** The folder itself, or the nearest one above it that exists. */
async function nearestFolder(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    if (await leadsToFolder(at)) return at
    if (dirname(at) === at) return at
  }
}

async function isSilent(folder: string): Promise<boolean> {
  try {
    const { type } = await statfs(folder)
    return SILENT_FILE_SYSTEMS.has(type)
  } catch {
    // The folder has gone: watching it will fail as well.
    return false
  }
}
