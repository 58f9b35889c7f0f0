/**
 * logd's messages as plain values, and their bytes: `Cmd`, `Msg` and `QueryParams` of cmd.proto as the README of
 * logd describes them (field numbers in `fields.ts`). For clients, replies and everything that is not the hot path;
 * that is `row-writer.ts`. Decoding never throws; fields that are not known are passed over, and so are known
 * ones of another wire type, as every protobuf decoder does.
 */
import { COMMANDS, FIELD, LEVELS, METHODS, type LogdCommandName, type LogdLevel, type LogdMethod } from './fields.ts'
import { ProtoReader, ProtoWriter, WIRE_BYTES, WIRE_VARINT } from './protobuf.ts'

export interface LogdMessage {
  /** Nanoseconds since 1970. */
  timeNs?: bigint
  level: LogdLevel
  text: string
  key: string
  stackTrace?: string
  httpMethod?: LogdMethod
  url?: string
  responseStatus?: number
}

/** What a QUERY or a TAIL asks for. What is absent does not filter. */
export interface LogdQuery {
  /** Messages passed over, after all filters. */
  offset?: number
  limit?: number
  /** Both ends belong to the range. */
  startNs?: bigint
  endNs?: bigint
  level?: LogdLevel
  /** Found anywhere in the text, in whatever case. */
  text?: string
  httpMethod?: LogdMethod
  /** What the URL begins with. */
  url?: string
  responseStatus?: number
  /** What the key begins with. */
  keyPrefix?: string
}

export interface LogdCommand {
  name: LogdCommandName
  message?: LogdMessage
  query?: LogdQuery
}

/** What a nested message and its own lengths take beside its texts, at most. */
const OVERHEAD_BYTES = 96

export function encodeCommand(command: LogdCommand): Buffer {
  const { message, query } = command
  const writer = new ProtoWriter(OVERHEAD_BYTES * 2 + messageTextBytes(message) + queryTextBytes(query))
  if (query) {
    const sizeBefore = writer.size
    writeQuery(writer, query)
    writer.close(FIELD.command.query, sizeBefore)
  }
  if (message) {
    const sizeBefore = writer.size
    writeMessage(writer, message)
    writer.close(FIELD.command.message, sizeBefore)
  }
  const name = COMMANDS.indexOf(command.name)
  if (name > 0) writer.integer(FIELD.command.name, name)
  return writer.finish()
}

/** A bare message, as the server sends it. */
export function encodeMessage(message: LogdMessage): Buffer {
  const writer = new ProtoWriter(OVERHEAD_BYTES + messageTextBytes(message))
  writeMessage(writer, message)
  return writer.finish()
}

/** `undefined` for bytes that are no command, and for commands that logd does not know. */
export function decodeCommand(bytes: Uint8Array): LogdCommand | undefined {
  const reader = new ProtoReader().start(bytes, 0, bytes.length)
  let name = 0
  let message: LogdMessage | undefined
  let query: LogdQuery | undefined
  while (reader.next()) {
    const { field, wire } = reader
    if (field === FIELD.command.name && wire === WIRE_VARINT) name = reader.low
    else if (field === FIELD.command.message && wire === WIRE_BYTES) {
      message ??= { level: 'unknown', text: '', key: '' }
      if (!readMessage(bytes, reader.from, reader.to, message)) return undefined
    } else if (field === FIELD.command.query && wire === WIRE_BYTES) {
      query ??= {}
      if (!readQuery(bytes, reader.from, reader.to, query)) return undefined
    }
  }
  const known = COMMANDS[name]
  if (reader.isBroken || known === undefined) return undefined
  return { name: known, ...(message ? { message } : {}), ...(query ? { query } : {}) }
}

/** `undefined` for bytes that are no message. */
export function decodeMessage(bytes: Uint8Array): LogdMessage | undefined {
  const message: LogdMessage = { level: 'unknown', text: '', key: '' }
  return readMessage(bytes, 0, bytes.length, message) ? message : undefined
}

function messageTextBytes(message: LogdMessage | undefined): number {
  if (!message) return 0
  const { text, key, stackTrace, url } = message
  return 3 * (text.length + key.length + (stackTrace?.length ?? 0) + (url?.length ?? 0))
}

function queryTextBytes(query: LogdQuery | undefined): number {
  return query ? 3 * ((query.text?.length ?? 0) + (query.url?.length ?? 0) + (query.keyPrefix?.length ?? 0)) : 0
}

/** Fields in falling order: the writer works backwards. */
function writeMessage(writer: ProtoWriter, message: LogdMessage): void {
  const fields = FIELD.message
  const { key, responseStatus, url, httpMethod, stackTrace, text, level, timeNs } = message
  if (key !== '') writer.text(fields.key, key)
  if (responseStatus !== undefined) writer.integer(fields.responseStatus, int32(responseStatus))
  if (url !== undefined) writer.text(fields.url, url)
  if (httpMethod !== undefined) writer.integer(fields.httpMethod, METHODS.indexOf(httpMethod))
  if (stackTrace !== undefined) writer.text(fields.stackTrace, stackTrace)
  if (text !== '') writer.text(fields.text, text)
  if (level !== 'unknown') writer.integer(fields.level, LEVELS.indexOf(level))
  if (timeNs !== undefined) writeTime(writer, fields.time, timeNs)
}

function writeQuery(writer: ProtoWriter, query: LogdQuery): void {
  const fields = FIELD.query
  const { keyPrefix, responseStatus, url, httpMethod, text, level, endNs, startNs, limit, offset } = query
  if (keyPrefix !== undefined) writer.text(fields.keyPrefix, keyPrefix)
  if (responseStatus !== undefined) writer.integer(fields.responseStatus, int32(responseStatus))
  if (url !== undefined) writer.text(fields.url, url)
  if (httpMethod !== undefined) writer.integer(fields.httpMethod, METHODS.indexOf(httpMethod))
  if (text !== undefined) writer.text(fields.text, text)
  if (level !== undefined) writer.integer(fields.level, LEVELS.indexOf(level))
  if (endNs !== undefined) writeTime(writer, fields.end, endNs)
  if (startNs !== undefined) writeTime(writer, fields.start, startNs)
  if (limit !== undefined) writer.integer(fields.limit, uint32(limit))
  if (offset !== undefined) writer.integer(fields.offset, uint32(offset))
}

/** Nanoseconds since 1970 as a nested google.protobuf.Timestamp. */
export function writeTime(writer: ProtoWriter, field: number, timeNs: bigint): void {
  const sizeBefore = writer.size
  const nanoseconds = ((timeNs % SECOND_NS) + SECOND_NS) % SECOND_NS
  const seconds = Number((timeNs - nanoseconds) / SECOND_NS)
  if (nanoseconds !== 0n) writer.integer(FIELD.time.nanoseconds, Number(nanoseconds))
  if (seconds !== 0) writer.integer(FIELD.time.seconds, seconds)
  writer.close(field, sizeBefore)
}

/** Reads into `message`, over what is there: the parts of a message that was sent in pieces add up. */
function readMessage(bytes: Uint8Array, from: number, to: number, message: LogdMessage): boolean {
  const fields = FIELD.message
  const reader = new ProtoReader().start(bytes, from, to)
  while (reader.next()) {
    const { field, wire } = reader
    if (wire === WIRE_VARINT) {
      if (field === fields.level) message.level = LEVELS[reader.low] ?? 'unknown'
      else if (field === fields.httpMethod) message.httpMethod = METHODS[reader.low] ?? 'METHOD_UNKNOWN'
      else if (field === fields.responseStatus) message.responseStatus = reader.low
    } else if (wire === WIRE_BYTES) {
      if (field === fields.time) {
        const timeNs = readTime(bytes, reader)
        if (timeNs === undefined) return false
        message.timeNs = timeNs
      } else if (field === fields.text) message.text = textAt(bytes, reader)
      else if (field === fields.key) message.key = textAt(bytes, reader)
      else if (field === fields.stackTrace) message.stackTrace = textAt(bytes, reader)
      else if (field === fields.url) message.url = textAt(bytes, reader)
    }
  }
  return !reader.isBroken
}

function readQuery(bytes: Uint8Array, from: number, to: number, query: LogdQuery): boolean {
  const fields = FIELD.query
  const reader = new ProtoReader().start(bytes, from, to)
  while (reader.next()) {
    const { field, wire } = reader
    if (wire === WIRE_VARINT) {
      if (field === fields.offset) query.offset = reader.low >>> 0
      else if (field === fields.limit) query.limit = reader.low >>> 0
      else if (field === fields.level) query.level = LEVELS[reader.low] ?? 'unknown'
      else if (field === fields.httpMethod) query.httpMethod = METHODS[reader.low] ?? 'METHOD_UNKNOWN'
      else if (field === fields.responseStatus) query.responseStatus = reader.low
    } else if (wire === WIRE_BYTES) {
      if (field === fields.start || field === fields.end) {
        const timeNs = readTime(bytes, reader)
        if (timeNs === undefined) return false
        if (field === fields.start) query.startNs = timeNs
        else query.endNs = timeNs
      } else if (field === fields.text) query.text = textAt(bytes, reader)
      else if (field === fields.url) query.url = textAt(bytes, reader)
      else if (field === fields.keyPrefix) query.keyPrefix = textAt(bytes, reader)
    }
  }
  return !reader.isBroken
}

function readTime(bytes: Uint8Array, { from, to }: ProtoReader): bigint | undefined {
  const reader = new ProtoReader().start(bytes, from, to)
  let seconds = 0n
  let nanoseconds = 0
  while (reader.next()) {
    if (reader.wire !== WIRE_VARINT) continue
    if (reader.field === FIELD.time.seconds) seconds = (BigInt(reader.high) << 32n) | BigInt(reader.low >>> 0)
    else if (reader.field === FIELD.time.nanoseconds) nanoseconds = reader.low
  }
  return reader.isBroken ? undefined : seconds * SECOND_NS + BigInt(nanoseconds)
}

/** Bytes that are no UTF-8 become U+FFFD: a log with one wrong byte is still a log. */
function textAt(bytes: Uint8Array, { from, to }: ProtoReader): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8')
}

function int32(value: number): number {
  return Math.trunc(value) | 0
}

function uint32(value: number): number {
  return Math.min(Math.max(0, Math.trunc(value)), 0xffff_ffff)
}

const SECOND_NS = 1_000_000_000n
