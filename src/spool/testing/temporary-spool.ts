import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Counters } from '../../core/counters.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { createDisk } from '../disk.ts'
import { openSpool, type Spool, type SpoolOptions } from '../spool.ts'
import { MemoryTarget } from './memory-target.ts'

/** Quick where the defaults are patient. */
export const TEST_LIMITS = { flushDelayMs: 5, loadIntervalMs: 1, backoffMsMin: 1, backoffMsMax: 5, diskFreeBytesMin: 0 }

export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tailrace-spool-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export interface TestSpool {
  spool: Spool
  dir: string
  counters: Counters
  store: MemoryTarget
}

/** A spool in a folder of its own unless `dir` is given; closed when the test ends. */
export async function testSpool(
  options: Partial<Omit<SpoolOptions, 'store'>> & { store?: MemoryTarget } = {},
): Promise<TestSpool> {
  const dir = options.dir ?? (await temporaryFolder())
  const store = options.store ?? new MemoryTarget(createDisk())
  const counters = options.counters ?? new Counters()
  const spool = await openSpool({
    node: 'test',
    logger: SILENT_LOGGER,
    ...options,
    dir,
    store,
    counters,
    limits: { ...TEST_LIMITS, ...options.limits },
  })
  onTestFinished(() => spool.close())
  return { spool, dir, counters, store }
}
