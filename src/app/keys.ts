import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeyInfo, KeyTable } from '../access/access.ts'
import { KEY_FILE } from '../access/key-store.ts'
import { openKeys } from '../access/keys.ts'
import { ANY_ADDRESS, addressRule } from '../access/addresses.ts'
import { OPEN_PRINCIPAL } from '../core/principal.ts'
import { NS_PER_MS } from '../core/time.ts'
import { checkFilter } from '../query/query.ts'
import type { PacketKeys } from './listeners.ts'
import { hasNode, unusableFolder } from './node.ts'

/** The keys of a data folder, whether a server runs on it or not. A running one sees changes within a second. */
export interface FolderKeys {
  readonly keys: KeyTable
  /** No server has run on this folder yet. */
  readonly isUnused: boolean
  close(): Promise<void>
}

/**
 * Opens the keys of a data folder without a server. `mayMake`: makes the folder if there is none. Throws CONFIG_INVALID
 * when there is none, or it cannot be used.
 */
export async function openFolderKeys(dataDir: string, { mayMake }: { mayMake: boolean }): Promise<FolderKeys> {
  try {
    if (mayMake) await mkdir(dataDir, { recursive: true, mode: 0o700 })
    else await stat(dataDir)
  } catch (cause) {
    throw unusableFolder(dataDir, 'used', cause)
  }
  const { close, ...keys } = await openTable(dataDir)
  return { keys, isUnused: !hasNode(dataDir), close }
}

/** What there is of keys in a data folder. */
export interface KeysInspection {
  /** `undefined`: there never was a key. */
  file: { path: string; /** Permissions, as they were found. */ mode: number } | undefined
  keys: readonly KeyInfo[]
  /** No server has run on this folder yet. */
  isUnused: boolean
}

/**
 * Looks at the keys of a data folder, which need not be there. A file of keys that others may read is taken from them.
 * Throws CONFIG_INVALID when it cannot be used.
 */
export async function inspectKeys(dataDir: string): Promise<KeysInspection> {
  const isUnused = !hasNode(dataDir)
  const path = join(dataDir, KEY_FILE)
  const mode = await permissionsOf(path)
  if (mode === undefined) return { file: undefined, keys: [], isUnused }
  const table = await openTable(dataDir)
  const keys = table.list()
  await table.close()
  return { file: { path, mode }, keys, isUnused }
}

/**
 * What listeners would find of keys that sign packets, for whoever looks without a server: those that are valid and may
 * write. Nothing is checked with them.
 */
export function packetKeysOf(keys: readonly KeyInfo[], nowMs: number): Pick<PacketKeys, 'keyOf'> {
  return {
    keyOf(id) {
      const key = keys.find((info) => info.id === id && info.role === 'write' && isValid(info, nowMs))
      if (!key) return undefined
      const principal = { ...OPEN_PRINCIPAL, by: 'key' as const, keyId: id, role: key.role }
      const allows = key.addresses.length === 0 ? ANY_ADDRESS : (addressRule(key.addresses) ?? ANY_ADDRESS)
      return { key: new Uint8Array(), principal, allows, noteUse: () => undefined }
    },
  }
}

function isValid({ revoked, expires }: KeyInfo, nowMs: number): boolean {
  return revoked === null && (expires === null || Date.parse(expires) > nowMs)
}

function openTable(dataDir: string): ReturnType<typeof openKeys> {
  return openKeys({
    dir: dataDir,
    clock: Date.now,
    checkFilter: (filter) => checkFilter(filter, BigInt(Date.now()) * NS_PER_MS),
  })
}

async function permissionsOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode & 0o777
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusableFolder(path, 'used', error)
  }
}
