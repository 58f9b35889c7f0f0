import { isUtf8 } from 'node:buffer'
import { formatTimestamp, NS_PER_SECOND } from '../../core/time.ts'
import { KIND_JSON, KIND_LITERAL, KIND_NULL, KIND_NUMBER, KIND_STRING } from '../transcode/field-table.ts'
import type { MsgpackCursor } from '../msgpack/cursor.ts'
import { jsonOf, readValue, timestampAt } from '../msgpack/value.ts'
import type { FieldWriter } from './field-writer.ts'

const DOT = 0x2e
const EVENT_TIME = 0
const TIMESTAMP = -1

/**
 * The members of the map at the cursor as fields: maps within it flattened with dots down to `depthMax` levels, lists
 * and what lies deeper as JSON, bytes that are no text as base64. Names get the text from `prefix` to `prefixEnd` of the
 * writer's buffer in front. False, with the cursor anywhere, when there is no map or a name is no text or number.
 */
export function writeFields(
  cursor: MsgpackCursor,
  writer: FieldWriter,
  depthMax: number,
  prefix = 0,
  prefixEnd = 0,
): boolean {
  for (let left = cursor.map(); left !== 0; left--) {
    if (left < 0) return false
    const keyStart = writer.out
    if (prefixEnd > prefix) {
      writer.copy(writer.bytes, prefix, prefixEnd)
      writer.byte(DOT)
    }
    if (cursor.text()) writer.copy(cursor.bytes, cursor.from, cursor.to)
    else {
      const number = cursor.number()
      if (number === undefined) return false
      writer.write(String(number))
    }
    if (!writeField(cursor, writer, depthMax, keyStart, writer.out) || writer.fault) return false
  }
  return true
}

function writeField(
  cursor: MsgpackCursor,
  writer: FieldWriter,
  depthMax: number,
  keyStart: number,
  keyEnd: number,
): boolean {
  if (cursor.kind === 'map' && depthMax > 1 && !isEmptyMap(cursor)) {
    return writeFields(cursor, writer, depthMax - 1, keyStart, keyEnd)
  }
  const kind = writeScalar(cursor, writer)
  writer.field(keyStart, keyEnd, keyEnd, kind)
  return true
}

function isEmptyMap({ bytes, at }: MsgpackCursor): boolean {
  return bytes[at] === 0x80
}

/** Writes the value at the cursor as text; returns which kind it is. One that does not fit is a fault of the writer. */
export function writeScalar(cursor: MsgpackCursor, writer: FieldWriter): number {
  switch (cursor.kind) {
    case 'text':
      cursor.text()
      writer.copy(cursor.bytes, cursor.from, cursor.to)
      return KIND_STRING
    case 'integer':
    case 'float':
      return writeNumber(cursor, writer)
    case 'boolean':
      writer.write(cursor.bytes[cursor.at++] === 0xc3 ? 'true' : 'false')
      return KIND_LITERAL
    case 'nil':
      cursor.at++
      return KIND_NULL
    case 'bytes': {
      if (!fits(cursor, writer)) return KIND_NULL
      cursor.text()
      const bytes = cursor.bytes.subarray(cursor.from, cursor.to)
      if (isUtf8(bytes)) writer.copy(cursor.bytes, cursor.from, cursor.to)
      else writer.write(bytes.toString('base64'))
      return KIND_STRING
    }
    case 'extension':
      if (!fits(cursor, writer)) return KIND_NULL
      cursor.ext()
      writer.write(extensionText(cursor))
      return KIND_STRING
    case 'array':
    case 'map':
      if (!fits(cursor, writer)) return KIND_NULL
      writer.write(jsonOf(readValue(cursor)))
      return KIND_JSON
  }
}

/** Looks before anything is made of the value; passes it when it does not fit. */
function fits(cursor: MsgpackCursor, writer: FieldWriter): boolean {
  const { at } = cursor
  cursor.skip()
  if (!writer.fits(cursor.at - at)) return false
  cursor.at = at
  return true
}

function writeNumber(cursor: MsgpackCursor, writer: FieldWriter): number {
  const first = cursor.bytes[cursor.at] as number
  if (first < 10) {
    cursor.at++
    writer.byte(0x30 + first)
    return KIND_NUMBER
  }
  const number = cursor.number() ?? 0
  writer.write(String(number))
  return typeof number === 'bigint' || Number.isFinite(number) ? KIND_NUMBER : KIND_STRING
}

function extensionText({ bytes, from, to, extension }: MsgpackCursor): string {
  const time =
    extension === EVENT_TIME && to - from === 8
      ? { seconds: bytes.readUInt32BE(from), nanoseconds: bytes.readUInt32BE(from + 4) }
      : extension === TIMESTAMP
        ? timestampAt(bytes, from, to)
        : undefined
  // Beyond what dates can say it is bytes like others.
  if (time && Math.abs(time.seconds) < 8_640_000_000_000) {
    return formatTimestamp(BigInt(time.seconds) * NS_PER_SECOND + BigInt(time.nanoseconds))
  }
  return bytes.toString('base64', from, to)
}
