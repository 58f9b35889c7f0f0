import { type MsgpackWriter, UnwritableValue } from '../msgpack/writer.ts'

/** Objects and arrays within one another, which also ends those that contain themselves. */
export const CUSTOM_DATA_DEPTH_MAX = 64

/** Custom data as a whole, which is a map whatever it makes of itself. */
export function writeCustomMap(writer: MsgpackWriter, value: object): void {
  writeMembers(writer, value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value), 0)
}

/**
 * Writes anything like JSON, as well as BigInt, Date, Uint8Array, Map and what has `toJSON`. Whole numbers become int64,
 * others float64. Members that are undefined are left out. Throws UnwritableValue.
 */
function writeCustomData(writer: MsgpackWriter, value: unknown, depth = 0): void {
  switch (typeof value) {
    case 'string':
      return writer.text(value)
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? writer.int64(value) : writer.float64(value)
    case 'boolean':
      return writer.boolean(value)
    case 'bigint':
      return writer.bigint(value)
    case 'undefined':
      return writer.nil()
    case 'object':
      return writeObject(writer, value, depth)
    default:
      throw new UnwritableValue(`custom data cannot have a ${typeof value}`)
  }
}

function writeObject(writer: MsgpackWriter, value: object | null, depth: number): void {
  if (value === null) return writer.nil()
  if (value instanceof Date) return writer.date(value)
  if (value instanceof Uint8Array) return writer.binary(value)
  if (depth >= CUSTOM_DATA_DEPTH_MAX) {
    throw new UnwritableValue(`custom data have more than ${CUSTOM_DATA_DEPTH_MAX} levels`)
  }
  if (Array.isArray(value)) {
    writer.array(value.length)
    for (const member of value as readonly unknown[]) writeCustomData(writer, member, depth + 1)
    return
  }
  if (value instanceof Map) return writeMembers(writer, [...value] as [unknown, unknown][], depth)
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return writeCustomData(writer, (value.toJSON as () => unknown)(), depth + 1)
  }
  writeMembers(writer, Object.entries(value), depth)
}

function writeMembers(writer: MsgpackWriter, members: readonly (readonly [unknown, unknown])[], depth: number): void {
  const present = members.filter(([, member]) => member !== undefined)
  writer.map(present.length)
  for (const [name, member] of present) {
    writer.text(String(name))
    writeCustomData(writer, member, depth + 1)
  }
}
