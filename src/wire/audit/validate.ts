import { addressRule, RULES } from './rules.ts'
import { parseAddress } from './address.ts'
import type { AuditRecord, CallerIdentity, TargetResource } from './record.ts'
import { AUDIT_TAGS, CATEGORIES, IDENTITY_TYPES, RESULTS } from './words.ts'

const OTHER = CATEGORIES.numberOf('OCOther')
const FAILURE = RESULTS.numberOf('Failure')

/** What of a record comes from programs without types. */
type Untyped<T> = { readonly [K in keyof T]?: T[K] | null | undefined }

/** What is wrong with a record first, in the order of the original; `undefined`: nothing. */
export function invalidReason(record: AuditRecord): string | undefined {
  const given: Untyped<AuditRecord> = record
  if (given.type !== 'DataPlane' && given.type !== 'ControlPlane') return RULES.type(typeText(given.type))
  if (given.serviceTreeId === '') return RULES.serviceTreeId
  if (isBlank(given.operationName)) return RULES.name
  const categories = given.operationCategories
  if (!categories || categories.length === 0) return RULES.categories
  if (isBlank(given.operationCategoryDescription) && hasOther(categories)) return RULES.categoryDescription
  if (isBlank(given.operationResultDescription) && RESULTS.numberOf(given.operationResult ?? 0) === FAILURE) {
    return RULES.resultDescription
  }
  if (isBlank(given.operationAccessLevel)) return RULES.accessLevel
  if (isBlank(given.callerAgent)) return RULES.agent
  return (
    identitiesReason(given.callerIdentities) ??
    addressRule(parseAddress(given.callerIpAddress ?? '').kind) ??
    levelsReason(given.callerAccessLevels) ??
    targetsReason(given.targetResources)
  )
}

function typeText(type: unknown): string {
  if (type === undefined || type === null) return 'ATUnknown'
  if (typeof type !== 'string') return typeof type
  return (AUDIT_TAGS as Readonly<Record<string, string>>)[type] ?? type
}

function isBlank(text: string | null | undefined): boolean {
  return text === undefined || text === null || text === ''
}

function hasOther(categories: readonly (string | number)[]): boolean {
  for (const category of categories) if (CATEGORIES.numberOf(category) === OTHER) return true
  return false
}

function identitiesReason(identities: AuditRecord['callerIdentities'] | null | undefined): string | undefined {
  let types = 0
  for (const type in identities) {
    types++
    const list: readonly Untyped<CallerIdentity>[] =
      (identities as Record<string, readonly CallerIdentity[]>)[type] ?? []
    if (list.length === 0) return RULES.identitiesOfType(IDENTITY_TYPES.wordOf(IDENTITY_TYPES.numberOf(type)))
    for (const { identity, description } of list) {
      if (isBlank(identity)) return RULES.identity
      if (isBlank(description)) return RULES.description
    }
  }
  return types === 0 ? RULES.identities : undefined
}

function levelsReason(levels: readonly string[] | null | undefined): string | undefined {
  if (!levels || levels.length === 0) return RULES.levels
  for (const level of levels) if (level.trim() === '') return RULES.level
  return undefined
}

function targetsReason(targets: AuditRecord['targetResources'] | null | undefined): string | undefined {
  let types = 0
  for (const type in targets) {
    types++
    if (type.trim() === '') return RULES.targetType
    const list: readonly Untyped<TargetResource>[] = targets[type] ?? []
    for (const { name } of list) if (isBlank(name)) return RULES.targetName
  }
  return types === 0 ? RULES.targets : undefined
}
