/** Bounds on what a query text may ask for. */
export const TEXT_BYTES_MAX = 64 * 1024
export const DEPTH_MAX = 100
export const TERMS_MAX = 1000
export const PIPES_MAX = 50
/** `extract` and `parse` pipes of one query: each repeats what the ones before it say. */
export const MAKING_PIPES_MAX = 4
/** Characters of one regular expression, and its size once compiled (in RE2 instructions, roughly). */
export const REGEX_LENGTH_MAX = 4096
export const REGEX_COST_MAX = 60_000
/** Rows of a table (stats, top, timechart) when the text says no limit. */
export const TABLE_ROWS_MAX = 10_000
/** Buckets of a timechart over its whole range. */
export const CHART_BUCKETS_MAX = 10_000
/** Characters of a filter that limits what somebody may read: it is understood anew for each of their requests. */
export const FILTER_CHARS_MAX = 4096
