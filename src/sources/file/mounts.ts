/** Which file systems of this machine are somebody else's: their calls may take for ever. */
import { readFileSync } from 'node:fs'
import { readFile, readlink } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'

const TABLE = '/proc/self/mountinfo'
/** Types whose files are on another machine, or whose calls another process answers. */
const REMOTE =
  /^(?:nfs|cifs|smb|fuse(?!blk|ctl)|9p|afs|ceph|lustre|autofs|ncp|gfs2|ocfs2|orangefs|pvfs2|glusterfs|beegfs|davfs)/
/** How many links one path may lead through. */
const LINKS_MAX = 16

/** What mounts are told by. Where there is no such table, nothing is known of them. */
export interface MountIo {
  /** The text of /proc/self/mountinfo. */
  table(): Promise<string>
  /** Where a link leads, as it is written. Rejects for what is no link. */
  readlink(path: string): Promise<string>
}

export const MOUNT_IO: MountIo = {
  table: () => readFile(TABLE, 'utf8').catch(() => ''),
  readlink: (path) => readlink(path),
}

/** The same for one path, at once; links on the way are not looked at. */
export function isRemote(path: string): boolean {
  try {
    return mountOf(path, placesOf(readFileSync(TABLE, 'utf8'))) !== undefined
  } catch {
    return false
  }
}

/** Knows by its text alone whether a path leads to a remote file system. */
export class Mounts {
  readonly #io: MountIo
  #text = ''
  /** Where remote file systems begin, and where others begin again below them. */
  #places = new Map<string, string | undefined>()
  /** Links that lead there → the mount. */
  readonly #links = new Map<string, string>()

  constructor(io: MountIo) {
    this.#io = io
  }

  /** Whether there are any remote file systems. */
  get isEmpty(): boolean {
    return this.#places.size === 0
  }

  /** Looks what is mounted now. */
  async refresh(): Promise<void> {
    const text = await this.#io.table()
    if (text === this.#text) return
    this.#text = text
    this.#places = placesOf(text)
    this.#links.clear()
  }

  /** The remote mount that the path is on; `undefined`: it is on a local one. */
  of(path: string): string | undefined {
    if (this.isEmpty) return undefined
    for (let at = path; ; at = dirname(at)) {
      if (this.#places.has(at)) return this.#places.get(at)
      const linked = this.#links.get(at)
      if (linked !== undefined) return linked
      if (at === dirname(at)) return undefined
    }
  }

  /** Learns where links on the way to this path lead, without following one to a remote file system. */
  async trace(path: string, linksMax = LINKS_MAX): Promise<void> {
    if (this.isEmpty || linksMax === 0) return
    const names = path.split(sep).slice(1)
    for (let count = 1; count <= names.length; count++) {
      const at = sep + names.slice(0, count).join(sep)
      if (this.of(at) !== undefined) return
      const target = await this.#io.readlink(at).catch(() => undefined)
      if (target === undefined) continue
      const real = resolve(dirname(at), target)
      await this.trace(real, linksMax - 1)
      const mount = this.of(real)
      if (mount === undefined) continue
      this.#links.set(at, mount)
      return
    }
  }
}

function mountOf(path: string, places: ReadonlyMap<string, string | undefined>): string | undefined {
  for (let at = path; ; at = dirname(at)) {
    if (places.has(at)) return places.get(at)
    if (at === dirname(at)) return undefined
  }
}

function placesOf(table: string): Map<string, string | undefined> {
  const places = new Map<string, string | undefined>()
  for (const line of table.split('\n')) {
    const [before = '', after = ''] = line.split(' - ', 2)
    const place = before.split(' ')[4]
    if (place === undefined || place === '') continue
    const path = place.replaceAll(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)))
    const isRemote = REMOTE.test(after)
    // A later one hides what was mounted there before.
    if (isRemote) places.set(path, path)
    else if (places.has(path) || [...places.keys()].some((other) => path.startsWith(`${other}${sep}`))) {
      places.set(path, undefined)
    }
  }
  return [...places.values()].some((mount) => mount !== undefined) ? places : new Map<string, string | undefined>()
}
