import type { Filter } from './checked.ts'

/** Selects every event: the empty filter, and what stands in where a mistake was reported. */
export const EVERYTHING: Filter = { kind: 'all' }
