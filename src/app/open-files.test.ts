import { expect, test, vi } from 'vitest'
import type { Logger } from '../core/logger.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import { affordableConnections, openFilesMax } from './open-files.ts'

test.each([
  [20_000, 65_536, 20_000],
  [20_000, 20_512, 20_000],
  [20_000, 20_511, 19_999],
  [20_000, 1024, 512],
  [20_000, 256, 64],
  [10, 256, 10],
  [20_000, undefined, 20_000],
])('of %s connections, with %s files: %s', (connectionsMax, filesMax, expected) => {
  const warn = vi.fn<Logger['warn']>()
  const logger = { ...SILENT_LOGGER, warn }
  expect(affordableConnections({ connectionsMax, isWanted: true }, filesMax, logger)).toBe(expected)
  expect(warn).toHaveBeenCalledTimes(expected < connectionsMax ? 1 : 0)
  warn.mockClear()
  expect(affordableConnections({ connectionsMax, isWanted: false }, filesMax, logger)).toBe(expected)
  expect(warn).toHaveBeenCalledTimes(expected < connectionsMax / 2 ? 1 : 0)
})

test('the limit is read where there is one', () => {
  expect(openFilesMax('/absent')).toBeUndefined()
  expect(openFilesMax(import.meta.filename)).toBeUndefined()
})

test.runIf(process.platform === 'linux')('on Linux it is the one of this process', () => {
  const { userLimits } = process.report.getReport() as unknown as { userLimits: { open_files: { soft: number } } }
  expect(openFilesMax()).toBe(userLimits.open_files.soft)
})
