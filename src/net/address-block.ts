/**
 * What one sender can have of addresses: an IPv4 address, or the /64 of an IPv6 address, all of which usually belong to
 * one machine (RFC 6177). IPv4 within IPv6 (`::ffff:192.0.2.1`) is IPv4. Takes addresses as RFC 5952 writes them.
 */
export function addressBlock(address: string): string {
  if (!address.includes(':')) return address
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice('::ffff:'.length)
  let end = -1
  for (let group = 0; group < 4; group++) {
    end = address.indexOf(':', end + 1)
    if (address[end + 1] === ':') return shortened(address)
  }
  return `${address.slice(0, end)}::/64`
}

/** Zeros are left out within the first four groups, or right after them. */
function shortened(address: string): string {
  const [head = '', tail = ''] = address.split('::', 2)
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === '' ? [] : tail.split(':')
  while (groups.length + rest.length < 8) groups.push('0')
  return `${[...groups, ...rest].slice(0, 4).join(':')}::/64`
}
