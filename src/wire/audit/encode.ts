import { MsgpackWriter, UnwritableValue } from '../msgpack/writer.ts'
import { parseAddress } from './address.ts'
import { writeCustomMap } from './custom-data.ts'
import type { AuditHeartbeat, AuditRecord, CallerIdentity, TargetResource } from './record.ts'
import {
  AUDIT_TAGS,
  CATEGORIES,
  IDENTITY_TYPES,
  OPERATION_CATEGORIES,
  OPERATION_RESULTS,
  OPERATION_TYPES,
  RESULTS,
  TYPES,
  type AuditMessageType,
} from './words.ts'

/** A text as it stands on the wire. */
function packed(text: string): Buffer {
  const writer = new MsgpackWriter(text.length * 3 + 5)
  writer.text(text)
  return Buffer.from(writer.bytes.subarray(0, writer.at))
}

const KEY = {
  serviceTreeId: packed('env_ikey'),
  address: packed('CallerIpAddress'),
  identities: packed('CallerIdentities'),
  identity: packed('Identity'),
  description: packed('Description'),
  categories: packed('OperationCategories'),
  customData: packed('CustomData'),
  targets: packed('TargetResources'),
  name: packed('Name'),
  cluster: packed('Cluster'),
  dataCenter: packed('DataCenter'),
  region: packed('Region'),
  levels: packed('CallerAccessLevels'),
  accessLevel: packed('OperationAccessLevel'),
  operation: packed('OperationName'),
  resultDescription: packed('OperationResultDescription'),
  agent: packed('CallerAgent'),
  categoryDescription: packed('OperationCategoryDescription'),
  operationType: packed('OperationType'),
  result: packed('OperationResult'),
}
const WORDS = {
  types: OPERATION_TYPES.map(packed),
  results: OPERATION_RESULTS.map(packed),
  categories: OPERATION_CATEGORIES.map(packed),
}

/** An array of three, the tag, an array of one entry. */
export const HEADS = Object.fromEntries(
  Object.entries(AUDIT_TAGS).map(([type, tag]) => [
    type,
    Buffer.concat([Buffer.of(0x93), packed(tag), Buffer.of(0x91)]),
  ]),
) as Readonly<Record<AuditMessageType, Buffer>>
/** The option that ends every message. */
export const TAIL = Buffer.concat([Buffer.of(0x81), packed('TimeFormat'), packed('DateTime')])

/** Keys of a record with all of them but `env_ikey` and `CustomData`. */
const KEYS = 12

/**
 * Writes the message of a record: the very bytes of the original. Categories and access levels are sorted, and each
 * stands once; the record is not touched. Throws UnwritableValue where custom data have no form in MessagePack.
 */
export function writeRecord(writer: MsgpackWriter, record: AuditRecord, seconds: number): void {
  const { customData, serviceTreeId } = record
  const hasCustomData = hasMembers(customData)
  writer.begin()
  writer.raw(HEADS[record.type])
  writer.array(2)
  writer.int64(seconds)
  writer.map(KEYS + (hasCustomData ? 1 : 0) + (serviceTreeId === undefined ? 0 : 1))
  if (serviceTreeId !== undefined) member(writer, KEY.serviceTreeId, serviceTreeId)
  member(writer, KEY.address, parseAddress(record.callerIpAddress).text)
  writer.raw(KEY.identities)
  writeIdentities(writer, record.callerIdentities)
  writer.raw(KEY.categories)
  writeCategories(writer, record.operationCategories)
  if (hasCustomData) {
    writer.raw(KEY.customData)
    writeCustomMap(writer, customData)
  }
  writer.raw(KEY.targets)
  writeTargets(writer, record.targetResources)
  writer.raw(KEY.levels)
  writeLevels(writer, record.callerAccessLevels)
  member(writer, KEY.accessLevel, record.operationAccessLevel)
  member(writer, KEY.operation, record.operationName)
  member(writer, KEY.resultDescription, record.operationResultDescription)
  member(writer, KEY.agent, record.callerAgent)
  member(writer, KEY.categoryDescription, record.operationCategoryDescription)
  writer.raw(KEY.operationType)
  const type = TYPES.numberOf(record.operationType ?? 0)
  writeWord(writer, WORDS.types[type], TYPES.wordOf, type)
  writer.raw(KEY.result)
  const result = RESULTS.numberOf(record.operationResult ?? 0)
  writeWord(writer, WORDS.results[result], RESULTS.wordOf, result)
  writer.raw(TAIL)
}

function hasMembers(value: object | null | undefined): value is object {
  if (value === undefined || value === null) return false
  return value instanceof Map ? value.size > 0 : Object.keys(value).length > 0
}

export function writeHeartbeat(writer: MsgpackWriter, heartbeat: AuditHeartbeat, seconds: number): void {
  const { serviceTreeId } = heartbeat
  writer.begin()
  writer.raw(HEADS.Heartbeat)
  writer.array(2)
  writer.int64(seconds)
  writer.map(serviceTreeId === undefined ? 4 : 5)
  const members = {
    ...(serviceTreeId !== undefined && { AsmAuditServiceId: serviceTreeId }),
    AuditVersion: heartbeat.auditVersion,
    OsVersion: heartbeat.osVersion,
    Language: heartbeat.language,
    Destination: heartbeat.destination,
  }
  for (const [name, value] of Object.entries(members)) {
    writer.text(name)
    writer.text(value)
  }
  writer.raw(TAIL)
}

export function writeDiagnostic(writer: MsgpackWriter, seconds: number): void {
  writer.begin()
  writer.raw(HEADS.Diagnostic)
  writer.array(2)
  writer.int64(seconds)
  writer.map(0)
  writer.raw(TAIL)
}

/** The bytes of one message by itself. */
export function encodeMessage(write: (writer: MsgpackWriter) => void): Buffer {
  const writer = new MsgpackWriter(1024)
  write(writer)
  return Buffer.from(writer.bytes.subarray(writer.start, writer.at))
}

function member(writer: MsgpackWriter, key: Buffer, text: string | null | undefined): void {
  writer.raw(key)
  writeText(writer, text ?? '')
}

function writeText(writer: MsgpackWriter, text: string): void {
  if (typeof text !== 'string') throw new UnwritableValue(`a text is needed, and this is a ${typeof text}`)
  writer.text(text)
}

function writeWord(
  writer: MsgpackWriter,
  word: Buffer | undefined,
  wordOf: (number: number) => string,
  number: number,
): void {
  if (word) writer.raw(word)
  else writer.text(wordOf(number))
}

function writeIdentities(writer: MsgpackWriter, identities: AuditRecord['callerIdentities']): void {
  let types = 0
  for (const _ in identities) types++
  writer.map(types)
  for (const type in identities) {
    const list = (identities as Readonly<Record<string, readonly CallerIdentity[]>>)[type] ?? []
    writer.text(IDENTITY_TYPES.wordOf(IDENTITY_TYPES.numberOf(type)))
    writer.array(list.length)
    for (const { identity, description } of list) {
      writer.map(2)
      member(writer, KEY.identity, identity)
      member(writer, KEY.description, description)
    }
  }
}

function writeTargets(writer: MsgpackWriter, targets: AuditRecord['targetResources']): void {
  let types = 0
  for (const _ in targets) types++
  writer.map(types)
  for (const type in targets) {
    const list: readonly TargetResource[] | undefined | null = targets[type]
    writer.text(type)
    if (!list || list.length === 0) {
      writer.nil()
      continue
    }
    writer.array(list.length)
    for (const { name, cluster, dataCenter, region } of list) {
      writer.map(4)
      member(writer, KEY.name, name)
      member(writer, KEY.cluster, cluster)
      member(writer, KEY.dataCenter, dataCenter)
      member(writer, KEY.region, region)
    }
  }
}

/** Room for the numbers of categories, used again for each record. */
const numbers: number[] = []

function writeCategories(writer: MsgpackWriter, categories: AuditRecord['operationCategories']): void {
  numbers.length = 0
  for (const category of categories) {
    const number = CATEGORIES.numberOf(category)
    let at = numbers.length
    while (at > 0 && (numbers[at - 1] as number) > number) at--
    if (at === 0 || numbers[at - 1] !== number) numbers.splice(at, 0, number)
  }
  writer.array(numbers.length)
  for (const number of numbers) writeWord(writer, WORDS.categories[number], CATEGORIES.wordOf, number)
}

/** The same for access levels. */
const sorted: string[] = []

function writeLevels(writer: MsgpackWriter, levels: readonly string[]): void {
  sorted.length = 0
  for (const level of levels) {
    let at = sorted.length
    while (at > 0 && byBytes(sorted[at - 1] as string, level) > 0) at--
    if (at === sorted.length) {
      if (at === 0 || sorted[at - 1] !== level) sorted.push(level)
    } else if (at === 0 || sorted[at - 1] !== level) sorted.splice(at, 0, level)
  }
  writer.array(sorted.length)
  for (const level of sorted) writeText(writer, level)
}

/** The order of UTF-8, which is that of code points and not that of UTF-16. */
function byBytes(a: string, b: string): number {
  if (a === b) return 0
  const { length } = a.length < b.length ? a : b
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left === right) continue
    // Surrogates stand for what lies above all other units.
    return rank(left) - rank(right)
  }
  return a.length - b.length
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}
