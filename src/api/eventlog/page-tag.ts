import { createHash } from 'node:crypto'
import type { ContentEncoding } from './content-encoding.ts'

/** Raised when the same events would make another text. */
const FORM = 1

export interface PageIdentity {
  /** The server's name: another server's events are others. */
  node: string
  facility: string
  page: string
  level: string
  q: string
  format: string
  encoding: ContentEncoding
  graceNs: bigint
  /** Those that touched the page. */
  deletions: readonly string[]
}

/** A strong entity tag of a closed page: all that its bytes depend on, so that nothing has to be read. */
export function pageTag(identity: PageIdentity): string {
  const { node, facility, page, level, q, format, encoding, graceNs, deletions } = identity
  const parts = [FORM, node, facility, page, level, q, format, encoding, graceNs.toString(), deletions]
  return `"${createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 27)}"`
}

/** Whether If-None-Match (RFC 9110 §13.1.2) names this tag. `*` does not: see `isAny`. */
export function isNamed(tag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.split(',').some((given) => given.trim().replace(/^W\//, '') === tag)
}

/** Whether If-None-Match names whatever there is. Unlike for a tag, the store has to be asked whether there is a page. */
export function isAny(ifNoneMatch: string | undefined): boolean {
  return ifNoneMatch?.trim() === '*'
}
