import type { AddressKind } from './address.ts'

/** What can be wrong with a record, in the words of the original, which are relied on. */
export const RULES = {
  serviceTreeId: 'service tree ID is required',
  name: 'operation name is required',
  categories: 'at least one operation category is required',
  categoryDescription: 'operation category description is required for category OCOther',
  resultDescription: 'operation result description is required for failed operations',
  accessLevel: 'operation access level is required',
  agent: 'caller agent is required',
  identities: 'at least one caller identity is required',
  identitiesOfType: (type: string): string => `at least one identity is required for identity type ${type}`,
  identity: 'identity is required',
  description: 'description is required',
  levels: 'at least one caller access level is required',
  level: 'caller access level cannot be empty',
  targets: 'at least one target resource is required',
  targetType: 'target resource type cannot be empty',
  targetName: 'target resource name is required',
  type: (type: string): string => `audit type (${type}) is invalid`,
} as const

const ADDRESS_RULES: Readonly<Record<AddressKind, string | undefined>> = {
  invalid: 'caller IP address is required',
  unspecified: 'caller IP address cannot be unspecified',
  loopback: 'caller IP address cannot be loopback',
  multicast: 'caller IP address cannot be multicast',
  other: undefined,
}

export function addressRule(kind: AddressKind): string | undefined {
  return ADDRESS_RULES[kind]
}
