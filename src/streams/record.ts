import { randomBytes } from 'node:crypto'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'

/** `live`: somebody writes. `interrupted`: its writer was cut off and may come back. */
export type StreamState = 'live' | 'interrupted' | 'finished'

/** A link that shows a stream to whoever has it. */
export interface ShareRecord {
  /** SHA-256 of its secret, base64url. */
  digest: string
  /** Milliseconds since 1970. */
  expiresMs: number
  /** Of whoever made it, with whose key it ends; empty: nobody had a key. */
  keyId: string
}

/** What is known about a stream beside its bytes, as it is kept on disk. Times are milliseconds since 1970. */
export interface StreamRecord {
  version: 1
  /** Name of its files: it has nothing to do with the stream's name. */
  id: string
  name: string
  state: StreamState
  startedMs: number
  /** When it went out, or was interrupted; null while live. */
  endedMs: number | null
  /** Bytes, once it is finished. */
  sizeBytes: number | null
  /** Key of its writer; empty: there were no keys. */
  keyId: string
  /** What that key stamps on events. */
  stamps: readonly (readonly [name: string, value: string])[]
  /** Where its lines come from. */
  host: string
  /** How far its lines have become events; null: they are not to. */
  indexed: { bytes: number; lines: number } | null
  shares: readonly ShareRecord[]
}

export const RECORD_SUFFIX = '.json'
export const BYTES_SUFFIX = '.bytes'
export const TEMPORARY_SUFFIX = '.tmp'

export function newStreamId(): string {
  return randomBytes(12).toString('hex')
}

/** Replaces the record on disk: whole, or not at all. */
export async function saveRecord(dir: string, record: StreamRecord): Promise<void> {
  const path = join(dir, record.id + RECORD_SUFFIX)
  const temporary = `${path}.${randomBytes(4).toString('hex')}${TEMPORARY_SUFFIX}`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(JSON.stringify(record))
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncFolder(dir)
}

async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const STATES: readonly unknown[] = ['live', 'interrupted', 'finished'] satisfies StreamState[]

/** `undefined` where the text is not a record. */
export function parseRecord(text: string): StreamRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { version, id, name, state, startedMs, endedMs, sizeBytes, shares, stamps, indexed, ...rest } =
    value as Partial<StreamRecord>
  const isRecord =
    version === 1 &&
    /^[0-9a-f]{24}$/.test(id ?? '') &&
    STATES.includes(state) &&
    typeof startedMs === 'number' &&
    [name, rest.keyId, rest.host].every((text) => typeof text === 'string') &&
    [endedMs, sizeBytes].every((number) => number === null || typeof number === 'number') &&
    [shares, stamps].every(Array.isArray) &&
    (indexed === null || (typeof indexed?.bytes === 'number' && typeof indexed.lines === 'number'))
  return isRecord ? (value as StreamRecord) : undefined
}
