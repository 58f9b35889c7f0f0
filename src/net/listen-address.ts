import { isIP } from 'node:net'

/** Where a listener listens, as settings name it. */
export type ListenAddress =
  | { protocol: 'udp' | 'tcp' | 'tls'; host: string; port: number }
  | { protocol: 'unix'; path: string }

/**
 * `udp://127.0.0.1:6102`, `tcp://[::1]:24224`, `tls://0.0.0.0:24224`, `unix:///run/x.sock`; `undefined` for anything
 * else. Port 0 is any.
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const unix = /^unix:\/\/(\/.+)$/.exec(text)
  if (unix) return { protocol: 'unix', path: unix[1] ?? '' }
  const match = /^(udp|tcp|tls):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text)
  if (!match) return undefined
  const [, protocol, name = '', digits] = match
  const host = name.startsWith('[') ? name.slice(1, -1) : name
  const port = Number(digits)
  if (port > 65_535 || (name.startsWith('[') && isIP(host) !== 6)) return undefined
  return { protocol: protocol as 'udp' | 'tcp' | 'tls', host, port }
}

/** The form in which addresses are shown: brackets around what has colons. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
