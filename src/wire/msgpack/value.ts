import type { MsgpackCursor } from './cursor.ts'

/** Any value of MessagePack as JavaScript has it: the convenient way, where speed does not matter. */
export type MsgpackValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | MsgpackExtension
  | MsgpackValue[]
  | Map<MsgpackValue, MsgpackValue>

export interface MsgpackExtension {
  type: number
  data: Uint8Array
}

const TIMESTAMP = -1

/** The value at the cursor, which moves behind it. Floats that are whole stay numbers like integers. */
export function readValue(cursor: MsgpackCursor): MsgpackValue {
  switch (cursor.kind) {
    case 'nil':
      cursor.at++
      return null
    case 'boolean':
      return cursor.bytes[cursor.at++] === 0xc3
    case 'integer':
    case 'float':
      return cursor.number() ?? null
    case 'text':
      return cursor.string() ?? ''
    case 'bytes':
      cursor.text()
      return Uint8Array.from(cursor.bytes.subarray(cursor.from, cursor.to))
    case 'array':
      return Array.from({ length: cursor.array() }, () => readValue(cursor))
    case 'map':
      return readMap(cursor)
    case 'extension':
      return readExtension(cursor)
  }
}

function readMap(cursor: MsgpackCursor): Map<MsgpackValue, MsgpackValue> {
  const map = new Map<MsgpackValue, MsgpackValue>()
  for (let left = cursor.map(); left > 0; left--) {
    const key = readValue(cursor)
    map.set(key, readValue(cursor))
  }
  return map
}

function readExtension(cursor: MsgpackCursor): Date | MsgpackExtension {
  cursor.ext()
  const { bytes, from, to, extension } = cursor
  const time = extension === TIMESTAMP ? timestampAt(bytes, from, to) : undefined
  if (time) return new Date(time.seconds * 1000 + Math.floor(time.nanoseconds / 1e6))
  return { type: extension, data: Uint8Array.from(bytes.subarray(from, to)) }
}

/** Extension type −1, in its three sizes. `undefined` for another size. */
export function timestampAt(
  bytes: Buffer,
  from: number,
  to: number,
): { seconds: number; nanoseconds: number } | undefined {
  switch (to - from) {
    case 4:
      return { seconds: bytes.readUInt32BE(from), nanoseconds: 0 }
    case 8: {
      const upper = bytes.readUInt32BE(from)
      return { seconds: (upper & 3) * 4_294_967_296 + bytes.readUInt32BE(from + 4), nanoseconds: upper >>> 2 }
    }
    case 12:
      return { seconds: Number(bytes.readBigInt64BE(from + 4)), nanoseconds: bytes.readUInt32BE(from) }
    default:
      return undefined
  }
}

/** As JSON: integers of any size as their digits, bytes as base64, times as RFC 3339, what cannot be as null. */
export function jsonOf(value: MsgpackValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(',')}]`
  if (value instanceof Map) {
    const members = [...value].map(([key, member]) => `${JSON.stringify(keyText(key))}:${jsonOf(member)}`)
    return `{${members.join(',')}}`
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'null' : JSON.stringify(value.toISOString())
  const data = value instanceof Uint8Array ? value : value.data
  return JSON.stringify(Buffer.from(data).toString('base64'))
}

function keyText(key: MsgpackValue): string {
  return typeof key === 'string' ? key : jsonOf(key)
}
