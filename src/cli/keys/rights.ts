import type { KeyJson } from '../../client/keys.ts'
import type { Role } from '../../core/principal.ts'

type Rights = Pick<KeyJson, 'filter' | 'stamps' | 'addresses'>

const DEEDS: Readonly<Record<Role, string>> = {
  write: 'send events',
  read: 'read events',
  admin: 'do everything: read, send, make and revoke keys',
}

/** `stamps service=/ops/x; from 10.0.0.0/8`: what bounds a key beyond its role; empty when nothing does. Not escaped. */
export function boundsOf({ filter, stamps, addresses }: Rights): string {
  return [
    ...(filter === '' ? [] : [`reads ${filter}`]),
    ...(Object.keys(stamps).length === 0 ? [] : [`stamps ${stampsText(stamps)}`]),
    ...(addresses.length === 0 ? [] : [`from ${addresses.join(', ')}`]),
  ].join('; ')
}

/** The same in a sentence: `send events, which bear service=/ops/x; from 10.0.0.0/8 only`. Not escaped. */
export function sentenceOf({ role, filter, stamps, addresses }: Rights & Pick<KeyJson, 'role'>): string {
  return [
    DEEDS[role],
    ...(filter === '' ? [] : [`that match ${filter}`]),
    ...(Object.keys(stamps).length === 0 ? [] : [`which then bear ${stampsText(stamps)}`]),
    ...(addresses.length === 0 ? [] : [`from ${addresses.join(', ')} only`]),
  ].join(', ')
}

function stampsText(stamps: Rights['stamps']): string {
  return Object.entries(stamps)
    .map(([field, value]) => `${field}=${value}`)
    .join(' ')
}
