/** What an audit record may not have as its caller's address, and the form in which addresses are written. */

export type AddressKind = 'invalid' | 'unspecified' | 'loopback' | 'multicast' | 'other'

export interface Address {
  kind: AddressKind
  /** RFC 5952 (an embedded IPv4 address stays in its own form); `invalid IP` for what is none. */
  text: string
}

/** How an address that is none is written. */
export const INVALID_ADDRESS = 'invalid IP'
const INVALID: Address = { kind: 'invalid', text: INVALID_ADDRESS }

/** Callers ask for the same few again and again. */
const known = new Map<string, Address>()
const KNOWN_MAX = 1000
const KNOWN_CHARS_MAX = 64

/** IPv4 without leading zeros, IPv6 with or without zone. */
export function parseAddress(text: string): Address {
  const found = known.get(text)
  if (found) return found
  const address = typeof text === 'string' ? (text.includes(':') ? parseV6(text) : parseV4(text)) : INVALID
  if (typeof text !== 'string' || text.length > KNOWN_CHARS_MAX) return address
  if (known.size >= KNOWN_MAX) known.clear()
  known.set(text, address)
  return address
}

function octetsOf(text: string): number[] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part))) return undefined
  const octets = parts.map(Number)
  return octets.every((octet) => octet < 256) ? octets : undefined
}

function parseV4(text: string): Address {
  const octets = octetsOf(text)
  return octets ? { kind: kindOfV4(octets), text } : INVALID
}

function kindOfV4(octets: readonly number[]): AddressKind {
  const [first = 0] = octets
  if (octets.every((octet) => octet === 0)) return 'unspecified'
  if (first === 127) return 'loopback'
  return first >= 224 && first < 240 ? 'multicast' : 'other'
}

function parseV6(text: string): Address {
  const zoneAt = text.indexOf('%')
  const zone = zoneAt < 0 ? '' : text.slice(zoneAt)
  const groups = groupsOf(zoneAt < 0 ? text : text.slice(0, zoneAt))
  if (!groups || zone === '%') return INVALID
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const octets = groups.slice(6).flatMap((group) => [group >> 8, group & 255])
    const inner = kindOfV4(octets)
    return { kind: inner === 'unspecified' ? 'other' : inner, text: `::ffff:${octets.join('.')}${zone}` }
  }
  return { kind: kindOfV6(groups, zone), text: formatV6(groups) + zone }
}

function kindOfV6(groups: readonly number[], zone: string): AddressKind {
  if (groups.slice(0, 7).every((group) => group === 0)) {
    if (groups[7] === 1) return 'loopback'
    if (groups[7] === 0 && zone === '') return 'unspecified'
  }
  return (groups[0] ?? 0) >> 8 === 0xff ? 'multicast' : 'other'
}

function groupsOf(text: string): number[] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head = '', tail] = halves
  const left = wordsOf(head, tail === undefined)
  const right = tail === undefined ? [] : wordsOf(tail, true)
  if (!left || !right) return undefined
  const missing = 8 - left.length - right.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  return [...left, ...Array<number>(missing).fill(0), ...right]
}

/** Only the last of all groups may be an IPv4 address. */
function wordsOf(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const words: number[] = []
  for (const [index, part] of parts.entries()) {
    if (isLast && index === parts.length - 1 && part.includes('.')) {
      const octets = octetsOf(part)
      if (!octets) return undefined
      const [a = 0, b = 0, c = 0, d = 0] = octets
      words.push((a << 8) | b, (c << 8) | d)
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined
      words.push(parseInt(part, 16))
    }
  }
  return words
}

/** The longest run of at least two zero groups becomes `::`, the first of several. */
function formatV6(groups: readonly number[]): string {
  let best = -1
  let bestLength = 1
  for (let from = 0; from < groups.length; from++) {
    let to = from
    while (groups[to] === 0) to++
    if (to - from > bestLength) {
      best = from
      bestLength = to - from
    }
    from = Math.max(from, to)
  }
  return best < 0 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`
}

function hex(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':')
}
