import { MsgpackCursor } from '../msgpack/cursor.ts'
import { jsonOf, readValue, type MsgpackValue } from '../msgpack/value.ts'
import type { AuditMessage, AuditRecord, CallerIdentity, TargetResource } from './record.ts'
import {
  auditTypeOf,
  type AuditMessageType,
  type OperationCategory,
  type OperationResult,
  type OperationType,
} from './words.ts'

/** A whole message of the forward protocol's Forward mode, all entries of it. */
export interface DecodedEnvelope {
  messages: AuditMessage[]
  /** What the sender wants to have acknowledged. */
  chunk: string | undefined
}

/**
 * Reads what a `ValueScanner` has found whole. Throws TypeError for what is no audit message; what a record lacks is
 * empty.
 */
export function decodeEnvelope(bytes: Buffer, at = 0): DecodedEnvelope {
  const [tag, entries, option] = listOf(readValue(new MsgpackCursor().move(bytes, at)), 'a message')
  const type = typeof tag === 'string' ? auditTypeOf(tag) : undefined
  if (!type) throw new TypeError(`no audit message has the tag ${tag === undefined ? 'of nothing' : jsonOf(tag)}`)
  const chunk = option instanceof Map ? option.get('chunk') : undefined
  return {
    messages: listOf(entries ?? null, 'the entries').map((entry) => messageOf(type, entry)),
    chunk: typeof chunk === 'string' ? chunk : undefined,
  }
}

function messageOf(type: AuditMessageType, entry: MsgpackValue): AuditMessage {
  const [time = null, content] = listOf(entry, 'an entry')
  const seconds = Number(time)
  const members = mapOf(content)
  if (type === 'Diagnostic') return { type, seconds }
  if (type !== 'Heartbeat') return { type, seconds, record: { type, ...recordOf(members) } }
  const text = (name: string): string => textOf(members.get(name))
  const serviceTreeId = members.get('AsmAuditServiceId')
  const heartbeat = {
    auditVersion: text('AuditVersion'),
    osVersion: text('OsVersion'),
    language: text('Language'),
    destination: text('Destination'),
    ...(serviceTreeId !== undefined && { serviceTreeId: textOf(serviceTreeId) }),
  }
  return { type, seconds, heartbeat }
}

function recordOf(members: ReadonlyMap<string, MsgpackValue>): Omit<AuditRecord, 'type'> {
  const text = (name: string): string => textOf(members.get(name))
  const texts = (name: string): string[] => listOf(members.get(name) ?? null, name).map(textOf)
  const customData = members.get('CustomData')
  const serviceTreeId = members.get('env_ikey')
  return {
    ...(serviceTreeId !== undefined && { serviceTreeId: textOf(serviceTreeId) }),
    callerIpAddress: text('CallerIpAddress'),
    callerIdentities: listsOf(members.get('CallerIdentities'), identityOf),
    operationCategories: texts('OperationCategories') as OperationCategory[],
    ...(customData instanceof Map && { customData: plain(customData) as Record<string, unknown> }),
    targetResources: listsOf(members.get('TargetResources'), resourceOf),
    callerAccessLevels: texts('CallerAccessLevels'),
    operationAccessLevel: text('OperationAccessLevel'),
    operationName: text('OperationName'),
    operationResultDescription: text('OperationResultDescription'),
    callerAgent: text('CallerAgent'),
    operationCategoryDescription: text('OperationCategoryDescription'),
    operationType: text('OperationType') as OperationType,
    operationResult: text('OperationResult') as OperationResult,
  }
}

function identityOf(members: ReadonlyMap<string, MsgpackValue>): CallerIdentity {
  return { identity: textOf(members.get('Identity')), description: textOf(members.get('Description')) }
}

function resourceOf(members: ReadonlyMap<string, MsgpackValue>): Required<TargetResource> {
  return {
    name: textOf(members.get('Name')),
    cluster: textOf(members.get('Cluster')),
    dataCenter: textOf(members.get('DataCenter')),
    region: textOf(members.get('Region')),
  }
}

function listsOf<T>(
  value: MsgpackValue | undefined,
  itemOf: (members: ReadonlyMap<string, MsgpackValue>) => T,
): Record<string, T[]> {
  const lists = [...mapOf(value ?? null)].map(
    ([name, list]) => [name, listOf(list, name).map((item) => itemOf(mapOf(item)))] as const,
  )
  return Object.fromEntries(lists)
}

function listOf(value: MsgpackValue, what: string): MsgpackValue[] {
  if (value === null) return []
  if (!Array.isArray(value)) throw new TypeError(`${what} is no list`)
  return value
}

function mapOf(value: MsgpackValue | undefined): ReadonlyMap<string, MsgpackValue> {
  return value instanceof Map ? (value as ReadonlyMap<string, MsgpackValue>) : new Map()
}

function textOf(value: MsgpackValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** Maps as plain objects. */
function plain(value: MsgpackValue): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map)
    return Object.fromEntries(
      [...value].map(([key, member]) => [typeof key === 'string' ? key : jsonOf(key), plain(member)]),
    )
  return value
}
