/** The words of the audit schema, each list in the order of its numbers from 0. */

/** What the envelope calls each kind of message. */
export const AUDIT_TAGS = {
  DataPlane: 'AsmAuditDP',
  ControlPlane: 'AsmAuditCP',
  Heartbeat: 'AsmAuditHB',
  Diagnostic: 'AsmAuditDG',
} as const
export type AuditMessageType = keyof typeof AUDIT_TAGS
/** Kinds that bear a record. */
export type AuditType = 'DataPlane' | 'ControlPlane'

const TYPE_BY_TAG: ReadonlyMap<string, AuditMessageType> = new Map(
  Object.entries(AUDIT_TAGS).map(([type, tag]) => [tag, type as AuditMessageType]),
)

export function auditTypeOf(tag: string): AuditMessageType | undefined {
  return TYPE_BY_TAG.get(tag)
}

export const OPERATION_TYPES = ['UnknownOperationType', 'Read', 'Update', 'Create', 'Delete'] as const
export type OperationType = (typeof OPERATION_TYPES)[number]

export const OPERATION_RESULTS = ['UnknownOperationResult', 'Success', 'Failure'] as const
export type OperationResult = (typeof OPERATION_RESULTS)[number]

export const OPERATION_CATEGORIES = [
  'UnknownOperationCategory',
  'OCOther',
  'UserManagement',
  'GroupManagement',
  'Authentication',
  'Authorization',
  'RoleManagement',
  'ApplicationManagement',
  'KeyManagement',
  'DirectoryManagement',
  'ResourceManagement',
  'PolicyManagement',
  'DeviceManagement',
  'EntitlementManagement',
  'PasswordManagement',
  'IdentityProtection',
  'ObjectManagement',
  'ProvisioningManagement',
  'CustomerFacing',
  'EUII',
] as const
export type OperationCategory = (typeof OPERATION_CATEGORIES)[number]

export const CALLER_IDENTITY_TYPES = [
  'UnknownCallerIdentityType',
  'CIOther',
  'UPN',
  'PUID',
  'ObjectID',
  'Certificate',
  'Claim',
  'Username',
  'AccessKeyName',
  'SubscriptionID',
  'ApplicationID',
  'TenantID',
  'TokenID',
  'SasURL',
  'System',
] as const
export type CallerIdentityType = (typeof CALLER_IDENTITY_TYPES)[number]

/** A list of words that are found whatever their case. */
export interface Vocabulary {
  /** Number of a word, or the number itself; 0 for a word that is not known. */
  numberOf(word: string | number): number
  /** `OperationCategory(1000)` for a number without word. */
  wordOf(number: number): string
}

function vocabulary(name: string, words: readonly string[]): Vocabulary {
  const numbers = new Map(words.map((word, number) => [word, number]))
  const lowerCase = new Map(words.map((word, number) => [word.toLowerCase(), number]))
  return {
    numberOf: (word) =>
      typeof word === 'number' ? word : (numbers.get(word) ?? lowerCase.get(word.toLowerCase()) ?? 0),
    wordOf: (number) => words[number] ?? `${name}(${number})`,
  }
}

export const TYPES = vocabulary('OperationType', OPERATION_TYPES)
export const RESULTS = vocabulary('OperationResult', OPERATION_RESULTS)
export const CATEGORIES = vocabulary('OperationCategory', OPERATION_CATEGORIES)
export const IDENTITY_TYPES = vocabulary('CallerIdentityType', CALLER_IDENTITY_TYPES)
