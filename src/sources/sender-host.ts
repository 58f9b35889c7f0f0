/** Address of the sender as events show it; on loopback that is this machine. */
export function senderHost(address: string, hostname: string): string {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  return plain === '::1' || plain.startsWith('127.') ? hostname : plain
}
