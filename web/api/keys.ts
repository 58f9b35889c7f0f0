import type { Role } from '../../src/core/principal.ts'

/** A key as `/api/v1/keys` shows it: without its secret. */
export interface KeyInfo {
  id: string
  name: string
  role: Role
  filter: string
  stamps: Record<string, string>
  addresses: string[]
  created: string
  createdBy: string
  expires: string | null
  revoked: string | null
  lastUsed: string | null
}

export interface NewKey {
  role: Role
  name?: string
  expires?: string
  filter?: string
  stamps?: Record<string, string>
  addresses?: string[]
}

export const KEYS_PATH = '/api/v1/keys'

/** What a key is now. */
export function keyState({ revoked, expires }: KeyInfo, nowMs: number): 'valid' | 'revoked' | 'expired' {
  if (revoked !== null) return 'revoked'
  return expires !== null && Date.parse(expires) <= nowMs ? 'expired' : 'valid'
}

/** `service=shop, host=a` → stamps; what is wrong with it, in a sentence, where it is none. */
export function parseStamps(text: string): Record<string, string> | string {
  const pairs = text.split(/[,\n]/).flatMap((part) => (part.trim() === '' ? [] : [part.trim()]))
  const stamps: Record<string, string> = {}
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at < 1) return `“${pair}” is not a field and a value, such as service=shop.`
    stamps[pair.slice(0, at).trim()] = pair.slice(at + 1).trim()
  }
  return stamps
}
