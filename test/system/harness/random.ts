/** What fault tests take for their seed; another one with TAILRACE_TEST_SEED. */
export const SEED = Number(process.env['TAILRACE_TEST_SEED'] ?? 1)

/** How much the fault tests do: `short` (a second run on another Node.js), `normal`, or `long`: TAILRACE_TEST_EXTENT. */
export type Extent = 'short' | 'normal' | 'long'

/** The value for the extent of this run. */
export function byExtent<T>(values: Readonly<Record<Extent, T>>): T {
  const extent = process.env['TAILRACE_TEST_EXTENT'] ?? 'normal'
  if (extent === 'short' || extent === 'normal' || extent === 'long') return values[extent]
  throw new Error(`TAILRACE_TEST_EXTENT is ${extent}; expected short, normal or long`)
}
