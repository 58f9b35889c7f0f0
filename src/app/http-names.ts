import { isIP } from 'node:net'
import { AppError } from '../core/errors.ts'
import type { HttpNames } from '../net/http-origin.ts'
import type { Config } from './config.ts'

/**
 * Who else may be named in a request: hosts, pages, proxies. Throws CONFIG_INVALID for what can never match, as a
 * setting that silently does nothing is found out too late.
 */
export function httpNames({ http }: Config): { names: HttpNames; trustedProxies: string[] } {
  const hosts = listed(http.hosts)
  const corsOrigins = listed(http.corsOrigins)
  const trustedProxies = listed(http.trustedProxies)
  const problems = [
    ...hosts
      .filter((name) => !/^[\w.-]+$/.test(name))
      .map((name) => `http.hosts: ${name} is no host name without port`),
    ...corsOrigins
      .filter((origin) => origin !== '*' && !isOrigin(origin))
      .map((origin) => `http.corsOrigins: ${origin} is no origin such as https://example.org:8443, and not *`),
    ...trustedProxies
      .filter((range) => !isRange(range))
      .map((range) => `http.trustedProxies: ${range} is no address or range such as 10.0.0.0/8`),
  ]
  if (problems.length > 0) throw new AppError('CONFIG_INVALID', { detail: problems.join('\n'), problems })
  return { names: { hosts, corsOrigins }, trustedProxies }
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** As browsers write it: lower case, no path, no default port. */
function isOrigin(text: string): boolean {
  return /^https?:[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text
}

function isRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}
