import { parseListenAddress } from '../net/listen-address.ts'
import type { StreamAddress } from '../net/stream-listener.ts'

/** The addresses of a setting, `undefined` where a text is none; `off` is no address. */
export function forwardAddresses(text: string): StreamAddress[] | undefined {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.includes('off')) return parts.length === 1 ? [] : undefined
  const addresses = parts.map(parseListenAddress)
  return addresses.every((address) => address !== undefined && address.protocol !== 'udp')
    ? (addresses as StreamAddress[])
    : undefined
}
