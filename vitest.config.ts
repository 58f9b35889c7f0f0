import { defineConfig } from 'vitest/config'

/** Waiting for a condition costs nothing where it holds at once, and a busy machine may take its time. */
const expectations = { poll: { timeout: 15_000 } }

/**
 * `unit`: beside the code, starts nothing heavy. `system`: spawns the built program or a real engine. `page`: the built
 * page in a real browser; one browser and one server serve all of its files.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'web/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          expect: expectations,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          expect: expectations,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'page',
          include: ['test/page/**/*.test.ts'],
          globalSetup: ['test/page/harness/setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: expectations,
          fileParallelism: false,
        },
      },
    ],
  },
})
