import { type Dirent, type FSWatcher, watch } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Logger } from '../../core/logger.ts'
import { HungError, type Lanes } from './lanes.ts'
import { type FilePattern, patternOf } from './pattern.ts'
import { errorCode } from './source-io.ts'

export interface FoldersOptions {
  lanes: Lanes
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

/** What a byte that is no UTF-8 becomes in a name. */
const REPLACEMENT = '\uFFFD'
/** In the folder of every server: `lock` and `node.json`; of every agent: `lock` and `agent.json`. */
const OWN_FILES: ReadonlySet<string> = new Set(['lock', 'node.json', 'agent.json'])

/** Lists what the patterns select, and watches the folders that this takes. */
export class Folders {
  readonly #options: FoldersOptions
  readonly #watchers = new Map<string, FSWatcher | undefined>()
  /** Folders that targets of links are in. */
  readonly #extra = new Set<string>()
  readonly #problems = new Map<string, string>()
  /** What was told of already. */
  readonly #reported = new Set<string>()
  #unmatched: string[] = []
  #isWarned = false

  constructor(options: FoldersOptions) {
    this.#options = options
  }

  /** Folders that cannot be read, and why. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems
  }

  /** Patterns that select no file now. */
  get unmatched(): readonly string[] {
    return this.#unmatched
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
    const { patterns, lanes } = this.#options
    const paths = new Set<string>()
    const folders = new Map<string, number>()
    this.#problems.clear()
    await lanes.mounts.refresh()
    for (const pattern of patterns) {
      const { root, depth } = pattern.glob
      await lanes.mounts.trace(root)
      await this.#walk({ folder: root, depth, paths, folders, above: [] })
      if (!folders.has(root)) folders.set(await this.#nearestFolder(root), 0)
    }
    for (const folder of this.#extra) folders.set(folder, 0)
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue
      watcher?.close()
      this.#watchers.delete(folder)
    }
    // In order, so that a file that comes while a folder is listed is either in the list or told of.
    for (const folder of folders.keys()) await this.#watch(folder)
    const selecting = new Set([...paths].map((path) => patternOf(path, patterns)))
    this.#unmatched = patterns.filter((pattern) => !selecting.has(pattern)).map(({ path }) => path)
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
    const { folder, depth, paths, folders } = at
    if ((folders.get(folder) ?? -1) >= depth) return
    if (folders.size >= this.#options.foldersMax) return this.#warnFolders()
    await this.#watch(folder)
    let entries
    try {
      entries = await this.#options.lanes.io.list(folder)
    } catch (error) {
      if (error instanceof HungError) return
      if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'ENOTDIR') this.#note(folder, (error as Error).message)
      return
    }
    if (isOurs(entries)) return this.#leave(folder)
    folders.set(folder, depth)
    // Links last: what is there itself is known by its own name.
    const links: Dirent[] = []
    for (const entry of entries) {
      if (entry.isSymbolicLink()) links.push(entry)
      else if (entry.isDirectory()) await this.#descend(at, entry.name)
      else await this.#select(join(folder, entry.name), paths)
    }
    for (const { name } of links) {
      const path = join(folder, name)
      await this.#options.lanes.mounts.trace(path)
      if (await this.#leadsToFolder(path)) await this.#descend(at, name, true)
      else await this.#select(path, paths)
    }
  }

  async #descend(at: Walk, name: string, isLink = false): Promise<void> {
    const { folder, depth, above } = at
    if (depth === 0 || name.startsWith('.')) return
    const path = join(folder, name)
    // A link that leads back to a folder above would be followed without end.
    const real = isLink ? await this.#options.lanes.io.realpath(path).catch(() => undefined) : path
    if (real === undefined || above.includes(real) || real === folder) return
    await this.#walk({ ...at, folder: path, depth: depth - 1, above: [...above, folder, real] })
  }

  async #select(path: string, paths: Set<string>): Promise<void> {
    if (!patternOf(path, this.#options.patterns)) return
    if (path.includes(REPLACEMENT) && !(await this.#isThere(path))) {
      this.#note(path, 'its name is not valid UTF-8')
    } else paths.add(path)
  }

  async #isThere(path: string): Promise<boolean> {
    return this.#options.lanes.io.stat(path).then(
      () => true,
      (error: unknown) => errorCode(error) !== 'ENOENT',
    )
  }

  #note(path: string, reason: string): void {
    this.#problems.set(path, reason)
    const told = `${path}: ${reason}`
    if (this.#reported.has(told)) return
    this.#reported.add(told)
    this.#options.logger.warn({ path, reason }, 'A path cannot be read')
  }

  /** What a server or an agent keeps, this one or another, would be fed to itself. */
  #leave(folder: string): void {
    this.#watchers.get(folder)?.close()
    this.#watchers.delete(folder)
    if (this.#reported.has(folder)) return
    this.#reported.add(folder)
    this.#options.logger.info({ folder }, 'A folder in which Tailrace keeps its own files is left alone')
  }

  async #watch(folder: string): Promise<void> {
    if (this.#watchers.has(folder) && this.#watchers.get(folder)) return
    if (await this.#isSilent(folder)) {
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

  async #leadsToFolder(path: string): Promise<boolean> {
    try {
      return (await this.#options.lanes.io.stat(path)).isDirectory()
    } catch {
      // It leads nowhere, for now.
      return false
    }
  }

  /** The folder itself, or the nearest one above it that exists. */
  async #nearestFolder(folder: string): Promise<string> {
    for (let at = folder; ; at = dirname(at)) {
      if (await this.#leadsToFolder(at)) return at
      if (dirname(at) === at) return at
    }
  }

  /** Watching such a folder tells nothing, and may not even return. */
  async #isSilent(folder: string): Promise<boolean> {
    const { lanes } = this.#options
    if (lanes.mounts.of(folder) !== undefined) return true
    try {
      return SILENT_FILE_SYSTEMS.has(await lanes.io.fileSystem(folder))
    } catch {
      // The folder has gone: watching it will fail as well.
      return false
    }
  }
}

/** Whether a server or an agent keeps its files here. */
function isOurs(entries: readonly Dirent[]): boolean {
  const names = new Set<string>()
  for (const { name } of entries) if (OWN_FILES.has(name)) names.add(name)
  return names.has('lock') && names.size > 1
}
