import type { Principal } from '../../core/principal.ts'
import type { Reading } from '../reading.ts'

/** Header of a page of which events may be missing. */
export const INCOMPLETE_HEADER = 'tailrace-incomplete'

/**
 * Whether events may be missing from pages from here on, since memory has no room for them any more. Whoever sees only
 * some events hears it of every page, so as not to learn how much the others are.
 */
export function isIncomplete(
  { events }: Pick<Reading, 'events'>,
  { filter }: Pick<Principal, 'filter'>,
  fromNs: bigint,
): boolean {
  const { completeFromNs } = events.eventlog
  return completeFromNs !== undefined && (filter !== '' || fromNs < completeFromNs)
}
