import { BlockList, isIP } from 'node:net'

/** Whether an address is one of a list. An IPv4 address and its IPv6-mapped form (RFC 4291 §2.5.5.2) are the same. */
export type AddressRule = (address: string) => boolean

export const ANY_ADDRESS: AddressRule = () => true

interface Range {
  address: string
  family: 'ipv4' | 'ipv6'
  /** Leading bits that count. */
  bits: number
}

/** A rule of IP addresses and CIDR ranges; none: every address. `undefined` stands for a text that is neither. */
export function addressRule(addresses: readonly string[]): AddressRule | undefined {
  if (addresses.length === 0) return ANY_ADDRESS
  const list = new BlockList()
  for (const text of addresses) {
    const range = parseRange(text)
    if (range === undefined) return undefined
    list.addSubnet(range.address, range.bits, range.family)
  }
  return (address) => {
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. */
export function parseRange(text: string): Range | undefined {
  const [, address = '', bitsText] = /^([0-9A-Fa-f:.]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? []
  const family = isIP(address)
  if (family === 0) return undefined
  const bitsMax = family === 4 ? 32 : 128
  const bits = bitsText === undefined ? bitsMax : Number(bitsText)
  if (bits > bitsMax) return undefined
  return { address, family: family === 4 ? 'ipv4' : 'ipv6', bits }
}
