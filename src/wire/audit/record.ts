import type {
  AuditMessageType,
  AuditType,
  CallerIdentityType,
  OperationCategory,
  OperationResult,
  OperationType,
} from './words.ts'

export interface CallerIdentity {
  identity: string
  description: string
}

export interface TargetResource {
  name: string
  cluster?: string
  dataCenter?: string
  region?: string
}

/**
 * What somebody did, to what, and how it ended. Words are those of `words.ts`, in whatever case; the number of a word
 * will do, and a word that is not known is number 0.
 */
export interface AuditRecord {
  /** Whether what was done concerns data or their management. */
  type: AuditType
  operationName: string
  operationCategories: readonly (OperationCategory | number)[]
  /** Needed with category OCOther. */
  operationCategoryDescription?: string
  operationType?: OperationType | number
  operationResult?: OperationResult | number
  /** Needed where the result is Failure. */
  operationResultDescription?: string
  operationAccessLevel: string
  callerAgent: string
  callerIdentities: Readonly<Partial<Record<CallerIdentityType, readonly CallerIdentity[]>>>
  callerIpAddress: string
  callerAccessLevels: readonly string[]
  /** By type of resource. */
  targetResources: Readonly<Record<string, readonly TargetResource[]>>
  /** Anything like JSON, and BigInt, Date, Uint8Array and Map besides. */
  customData?: Readonly<Record<string, unknown>>
  /** Of version 1 of the format, which has it in every record. */
  serviceTreeId?: string
}

/** What a client says about itself from time to time. */
export interface AuditHeartbeat {
  auditVersion: string
  osVersion: string
  language: string
  /** Kind of connection that it is sent over. */
  destination: string
  /** Of version 1 of the format. */
  serviceTreeId?: string
}

/** A message as it is read: times are seconds since 1970. */
export type AuditMessage =
  | { type: AuditType; seconds: number; record: AuditRecord }
  | { type: 'Heartbeat'; seconds: number; heartbeat: AuditHeartbeat }
  | { type: 'Diagnostic'; seconds: number }

export type { AuditMessageType }

/** A copy that shares nothing with the original but what is not copied by value in custom data, such as class instances. */
export function cloneRecord(record: AuditRecord): AuditRecord {
  const { callerIdentities, targetResources, customData } = record
  return {
    ...record,
    operationCategories: [...record.operationCategories],
    callerAccessLevels: [...record.callerAccessLevels],
    callerIdentities: copied(callerIdentities),
    targetResources: copied(targetResources),
    ...(customData && { customData: copyOf(customData) as Record<string, unknown> }),
  }
}

type Lists<T> = Readonly<Partial<Record<string, readonly T[]>>>

function copied<T extends object>(lists: Lists<T>): Record<string, T[]> {
  return Object.fromEntries(
    Object.entries(lists).map(([name, list]) => [name, (list ?? []).map((item) => ({ ...item }))]),
  )
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (value instanceof Date) return new Date(value)
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  if (value instanceof Map) return new Map([...value].map(([key, member]) => [key, copyOf(member)] as const))
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    const { clone } = value as { clone?: () => unknown }
    return typeof clone === 'function' ? clone.call(value) : value
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copyOf(member)]))
}
