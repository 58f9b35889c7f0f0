import type { NewKeyJson } from '../../client/keys.ts'
import { ROLES, type Role } from '../../core/principal.ts'
import { parseDuration } from '../../core/time.ts'
import { UsageError } from '../command.ts'

/** What the flags of `keys create` say. */
export interface WantedKey {
  role: string | undefined
  name: string | undefined
  expires: string | undefined
  filter: string | undefined
  ips: readonly string[]
  stamps: readonly string[]
}

/** The key that the flags ask for. Throws UsageError; whoever makes it checks the values. */
export function wantedKey({ role, name, expires, filter, ips, stamps }: WantedKey): NewKeyJson {
  if (!isRole(role)) {
    throw new UsageError(
      '--role is missing',
      'write: send events; read: read them; admin: everything, and manage keys.',
    )
  }
  if (filter !== undefined && role !== 'read') {
    throw new UsageError('--filter goes with --role read', 'It says which events may be read.')
  }
  if (stamps.length > 0 && role !== 'write') {
    throw new UsageError('--stamp goes with --role write', 'It says what events that are sent bear.')
  }
  const addresses = ips.flatMap((list) => list.split(',')).map((address) => address.trim())
  if (addresses.includes('')) throw new UsageError('--ip has an empty address', EXAMPLE_IP)
  return {
    role,
    ...(name === undefined ? {} : { name }),
    ...(expires === undefined ? {} : { expiresInMs: durationMs(expires) }),
    ...(filter === undefined ? {} : { filter }),
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(stamps.length === 0 ? {} : { stamps: stampsOf(stamps) }),
  }
}

const EXAMPLE_IP = 'Such as --ip 10.0.0.0/8 --ip 2001:db8::/32, or --ip 10.1.2.3,10.1.2.4'
const EXAMPLE_STAMP = 'Such as --stamp service=/ops/x --stamp team=ops'

function isRole(role: string | undefined): role is Role {
  return ROLES.some((known) => known === role)
}

function stampsOf(given: readonly string[]): Record<string, string> {
  const stamps = new Map<string, string>()
  for (const stamp of given) {
    const equals = stamp.indexOf('=')
    const field = stamp.slice(0, Math.max(0, equals)).trim()
    if (field === '') throw new UsageError(`--stamp is field=value, not ${JSON.stringify(stamp)}`, EXAMPLE_STAMP)
    if (stamps.has(field)) throw new UsageError(`--stamp says ${field} twice`)
    stamps.set(field, stamp.slice(equals + 1))
  }
  return Object.fromEntries(stamps)
}

function durationMs(text: string): number {
  const durationNs = parseDuration(text)
  const ms = Number((durationNs ?? 0n) / 1_000_000n)
  if (ms >= 1) return ms
  throw new UsageError(`--expires is a duration such as 90d or 12h, not ${JSON.stringify(text)}`)
}
