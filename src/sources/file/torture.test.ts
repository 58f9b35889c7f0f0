import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Torture } from './testing/torture.ts'

/** `TAILRACE_TEST_SEED` begins with another one, `TAILRACE_TEST_EXTENT=long` takes more of them. */
const FIRST_SEED = Number(process.env['TAILRACE_TEST_SEED'] ?? 1)
const SEEDS = process.env['TAILRACE_TEST_EXTENT'] === 'long' ? 200 : 8
const SIDE_BY_SIDE = 8
/** Of what happens to the logs of one seed. */
const LIFE_MS = 4000
const TRACE_LINES = 400

async function torture(seed: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-torture-'))
  const run = new Torture(folder, seed)
  try {
    const { missing, repeated, lines } = await run.run(LIFE_MS)
    expect({ missing, repeated }).toEqual({ missing: [], repeated: [] })
    expect(lines).toBeGreaterThan(0)
  } catch (error) {
    const trace = run.trace.slice(-TRACE_LINES).join('\n')
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${trace}`, { cause: error })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test(
  `every line once: logs rotated in every way, agents killed, answers lost; seeds from ${FIRST_SEED}, ${SEEDS} of them`,
  async () => {
    const seeds = Array.from({ length: SEEDS }, (_, index) => FIRST_SEED + index)
    await Promise.all(
      Array.from({ length: SIDE_BY_SIDE }, async () => {
        for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) await torture(seed)
      }),
    )
  },
  120_000 + SEEDS * 10_000,
)
