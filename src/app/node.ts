import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../core/errors.ts'
import { NS_PER_MS } from '../core/time.ts'

/** Who this node is: kept in `<data>/node.json` for as long as the data folder lives, or made for one process. */
export interface NodeIdentity {
  /** Host name and four random hex digits, unique among servers that share a store: `[A-Za-z0-9_.-]{1,64}`. */
  name: string
  /** The data folder was new: nothing ever ran here. */
  isNew: boolean
  /** Received times up to here may have been handed out by an earlier process. */
  receivedFloorNs: bigint
  /** Remembers that received times up to `ns` are taken. Call about every `RECEIVED_SAVE_MS` while events come in. */
  saveReceived(ns: bigint): Promise<void>
  /** The same when this process will hand out no more: the next one may begin right after `ns`. */
  saveLastReceived(ns: bigint): Promise<void>
}

/**
 * How often the newest received time is saved. After a crash whose restart finds the clock set back, counting goes on
 * from the saved time plus this, since later times may have been given away.
 */
export const RECEIVED_SAVE_MS = 1000

const FILE = 'node.json'

/** An identity for as long as the process lives: nothing is kept. */
export function createNode(): NodeIdentity {
  return {
    name: makeName(),
    isNew: true,
    receivedFloorNs: 0n,
    saveReceived: async () => undefined,
    saveLastReceived: async () => undefined,
  }
}

/** Where nothing need be kept there need be no data folder, but what is in its place has to be one. Throws CONFIG_INVALID. */
export function checkDataFolder(dataDir: string): void {
  try {
    readdirSync(dataDir)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw unusableFolder(dataDir, 'used', cause)
  }
}

/** Reads or makes the identity; makes the data folder if there is none. Throws CONFIG_INVALID when it cannot. */
export async function openNode(dataDir: string): Promise<NodeIdentity> {
  const path = join(dataDir, FILE)
  const found = read(dataDir, path)
  const name = found?.name ?? makeName()
  const savedNs = found?.receivedNs
  const save = async (ns: bigint) => {
    const temporary = `${path}.new`
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(`${JSON.stringify({ name, received: ns.toString() })}\n`)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  }
  if (found === undefined) {
    try {
      await save(0n)
    } catch (cause) {
      throw unusableFolder(dataDir, 'used', cause)
    }
  }
  const unsavedNs = BigInt(RECEIVED_SAVE_MS) * NS_PER_MS
  return {
    name,
    isNew: found === undefined,
    receivedFloorNs: savedNs === undefined ? 0n : savedNs + unsavedNs,
    saveReceived: save,
    saveLastReceived: (ns) => save(ns - unsavedNs),
  }
}

/** Whether a server has ever run on this data folder. */
export function hasNode(dataDir: string): boolean {
  return existsSync(join(dataDir, FILE))
}

function read(dataDir: string, path: string): { name: string; receivedNs: bigint } | undefined {
  let text: string
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusableFolder(dataDir, 'used', cause)
  }
  try {
    const content = JSON.parse(text) as { name?: unknown; received?: unknown }
    if (typeof content.name !== 'string' || !/^[A-Za-z0-9_.-]{1,64}$/.test(content.name))
      throw new Error('no name in it')
    return { name: content.name, receivedNs: BigInt(String(content.received)) }
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', {
      cause,
      detail: `${path} is damaged: ${(cause as Error).message}`,
      hint: 'Put the name that events in the store bear in their `node` field back into it, or remove the file.',
    })
  }
}

function makeName(): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9_.-]/g, '-')
    .slice(0, 59)
  return `${host || 'node'}-${randomBytes(2).toString('hex')}`
}

/** CONFIG_INVALID: the folder cannot be `what`. */
export function unusableFolder(dataDir: string, what: 'used' | 'written', cause: unknown): AppError {
  return new AppError('CONFIG_INVALID', {
    cause,
    detail: `The data folder ${dataDir} cannot be ${what}: ${(cause as Error).message}`,
    hint: 'Choose another with --data (an agent: --state), or give this user the right to write there.',
  })
}
