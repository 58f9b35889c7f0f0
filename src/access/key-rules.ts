import { AppError } from '../core/errors.ts'
import { ROLES, type Role } from '../core/principal.ts'
import { severityFromName } from '../core/severity.ts'
import { didYouMean } from '../core/suggest.ts'
import { formatDuration, NS_PER_MS } from '../core/time.ts'
import type { KeyRights, NewKey } from './access.ts'
import { parseRange } from './addresses.ts'

/** What a key or a token may do, every part there and checked. */
export interface CheckedRights {
  role: Role
  filter: string
  stamps: Readonly<Record<string, string>>
  addresses: readonly string[]
}

export type CheckFilter = (filter: string) => string | undefined

const NAME_CHARACTERS_MAX = 100
const EXPIRY_MS_MAX = 100 * 365.25 * 24 * 3_600_000
const FILTER_BYTES_MAX = 4096
const ADDRESSES_MAX = 64
const STAMPS_MAX = 32
const STAMP_NAME_BYTES_MAX = 256
const STAMP_VALUE_BYTES_MAX = 1024

/** Controls, and what changes the order of the letters around it or breaks a line. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u
/** Fields of an event that its sender does not choose, or that would be lost. */
const UNSTAMPABLE = new Set(['id', 'node', 'timestamp', 'received', 'severity', 'message', 'trace_id', 'span_id'])
const STAMP_HINT = 'A stamp is service, host, source, level, or the name of an attribute, and what it is set to.'

/** Throws REQUEST_INVALID that names the field and says what to do. */
export function checkRights(rights: KeyRights, checkFilter: CheckFilter): CheckedRights {
  return {
    role: checkedRole(rights.role),
    filter: checkedFilter(rights.role, rights.filter ?? '', checkFilter),
    stamps: checkedStamps(rights.role, rights.stamps ?? {}),
    addresses: checkedAddresses(rights.addresses ?? []),
  }
}

export function checkedName(name: NewKey['name'] = ''): string {
  if (typeof name !== 'string') throw wrong('name', 'it is not a text')
  if (name.length > NAME_CHARACTERS_MAX) {
    throw wrong('name', `it has ${name.length} characters`, `${NAME_CHARACTERS_MAX} are allowed.`)
  }
  if (CONTROL.test(name)) throw wrong('name', 'it has control characters', 'Use printable characters only.')
  return name
}

/** Milliseconds from now on. `maxMs`: other than for keys, the longest life of a token. */
export function checkedExpiry(expiresInMs: number, maxMs = EXPIRY_MS_MAX): number {
  const isSound = typeof expiresInMs === 'number' && expiresInMs > 0 && expiresInMs <= maxMs
  if (isSound) return Math.ceil(expiresInMs)
  const most =
    maxMs === EXPIRY_MS_MAX
      ? '100 years at most'
      : `${formatDuration(BigInt(Math.floor(maxMs)) * NS_PER_MS)} at most (the setting access.tokenAgeMax)`
  throw wrong('expires', 'it is no time that this can be valid for', `More than nothing, and ${most}.`)
}

function checkedRole(role: unknown): Role {
  const known = ROLES.find((name) => name === role)
  if (known) return known
  throw wrong('role', `it is not a role${didYouMean(String(role).slice(0, 20), ROLES)}`, `One of ${ROLES.join(', ')}.`)
}

function checkedFilter(role: Role, filter: string, checkFilter: CheckFilter): string {
  if (typeof filter !== 'string') throw wrong('filter', 'it is not a text')
  if (filter === '') return ''
  if (role !== 'read') throw wrong('filter', `a ${role} key has none`, 'Only keys with role read have a filter.')
  if (filter.trim() === '') throw wrong('filter', 'it is blank', 'Leave it out to let the key read everything.')
  if (Buffer.byteLength(filter) > FILTER_BYTES_MAX) {
    throw wrong('filter', 'it is too long', `${FILTER_BYTES_MAX} bytes are allowed.`)
  }
  const problem = checkFilter(filter)
  if (problem === undefined) return filter
  throw wrong('filter', problem, 'A filter of the query language, without pipes: service:billing level:>=warn')
}

function checkedStamps(role: Role, stamps: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (typeof stamps !== 'object' || stamps === null) throw wrong('stamps', 'it is not an object', STAMP_HINT)
  const entries = Object.entries(stamps)
  if (entries.length === 0) return {}
  if (role !== 'write') throw wrong('stamps', `a ${role} key has none`, 'Only keys with role write have stamps.')
  if (entries.length > STAMPS_MAX) throw wrong('stamps', `there are ${entries.length}`, `${STAMPS_MAX} are allowed.`)
  for (const [name, value] of entries) {
    const problem = stampProblem(name, value)
    if (problem !== undefined) throw wrong('stamps', problem, STAMP_HINT)
  }
  return Object.fromEntries(entries)
}

/** What is wrong with one stamp, in one sentence. */
export function stampProblem(name: string, value: unknown): string | undefined {
  if (name === '') return 'a name is empty'
  if (Buffer.byteLength(name) > STAMP_NAME_BYTES_MAX) return `a name has more than ${STAMP_NAME_BYTES_MAX} bytes`
  if (CONTROL.test(name)) return 'a name has control characters'
  if (UNSTAMPABLE.has(name)) return `${name} cannot be stamped`
  if (typeof value !== 'string') return `the value of ${name} is not a text`
  if (CONTROL.test(value)) return `the value of ${name} has control characters`
  if (Buffer.byteLength(value) > STAMP_VALUE_BYTES_MAX) {
    return `the value of ${name} has more than ${STAMP_VALUE_BYTES_MAX} bytes`
  }
  if (name === 'level' && severityFromName(value) === undefined) return 'level is not the name of a level'
  return undefined
}

function checkedAddresses(addresses: readonly string[]): readonly string[] {
  if (!Array.isArray(addresses)) throw wrong('addresses', 'it is not a list')
  if (addresses.length > ADDRESSES_MAX) {
    throw wrong('addresses', `there are ${addresses.length}`, `${ADDRESSES_MAX} are allowed.`)
  }
  for (const text of addresses) {
    if (typeof text !== 'string' || parseRange(text) === undefined) {
      const shown = JSON.stringify(String(text).slice(0, 60))
      throw wrong('addresses', `${shown} is neither an IP address nor a range`, 'For example 10.0.0.0/8 or ::1.')
    }
  }
  return [...addresses]
}

function wrong(field: string, problem: string, hint?: string): AppError {
  return new AppError('REQUEST_INVALID', {
    detail: `${field}: ${problem}${/[.!?]$/.test(problem) ? '' : '.'}`,
    ...(hint === undefined ? {} : { hint }),
  })
}
