import type { EventJson } from '../../src/core/event.ts'

/** One kind of audit events, and how its rows are read. */
export interface Trail {
  name: string
  /** Which events it is. */
  filter: string
  /** Terms that narrow it, by what they are called. */
  narrowed: readonly (readonly [id: string, name: string, term: string])[]
  columns: readonly (readonly [name: string, cell: (event: EventJson) => string])[]
  /** What to do where there are none. */
  hint: string
}

export const RECORDS: Trail = {
  name: 'Records',
  filter: 'service:(audit/AsmAuditDP OR audit/AsmAuditCP)',
  narrowed: [
    ['failures', 'Failures', 'OperationResult:Failure'],
    ['invalid', 'Invalid', 'audit.invalid:*'],
  ],
  columns: [
    ['Result', ({ attributes }) => (attributes['audit.invalid'] ? 'invalid' : (attributes['OperationResult'] ?? ''))],
    ['Operation', ({ attributes }) => words(attributes['OperationName'], attributes['OperationType'])],
    ['Who', ({ attributes }) => named(attributes, 'CallerIdentities.', ['.Description'])],
    ['From', ({ attributes }) => attributes['CallerIpAddress'] ?? ''],
    ['On what', ({ attributes }) => named(attributes, 'TargetResources.', ['.Cluster', '.DataCenter', '.Region'])],
    ['Host', ({ host }) => host],
  ],
  hint: 'Programs send them over the forward protocol: to the address that the setting forward names.',
}

/** Who bears no name. */
const actors: Readonly<Record<string, string>> = { open: 'anybody, as there were no keys' }

export const OWN: Trail = {
  name: 'What was done to this server',
  filter: 'service:tailrace.audit',
  narrowed: [
    ['keys', 'Keys', 'action:key.*'],
    ['sessions', 'Sessions', 'action:session.*'],
    ['refused', 'Refused', 'action:*.refused'],
  ],
  columns: [
    ['Action', ({ attributes }) => attributes['action'] ?? ''],
    [
      'Who',
      ({ attributes }) =>
        attributes['actor.name'] ?? attributes['actor.key_id'] ?? actors[attributes['actor.by'] ?? ''] ?? '–',
    ],
    ['From', ({ attributes }) => attributes['actor.address'] ?? ''],
    ['What', ({ attributes }) => details(attributes)],
  ],
  hint: 'Keys that are made and revoked, logins, exports and deletions appear here.',
}

/** `ann@example.com (UPN)`: the values of all attributes that begin so, but for those that say more about them. */
function named(attributes: Readonly<Record<string, string>>, prefix: string, leftOut: readonly string[]): string {
  return Object.entries(attributes)
    .filter(([name]) => name.startsWith(prefix) && !leftOut.some((ending) => name.endsWith(ending)))
    .map(([name, value]) => `${value} (${name.slice(prefix.length)})`)
    .join(', ')
}

function words(...texts: (string | undefined)[]): string {
  return texts.filter((text) => text !== undefined && text !== '').join(' · ')
}

function details(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .filter(([name]) => name !== 'action' && !name.startsWith('actor.'))
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}
