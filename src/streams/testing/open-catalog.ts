/** For tests: a catalog over a folder that is removed in the end. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Counters } from '../../core/counters.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { StreamCatalog, type NewStream } from '../catalog.ts'
import type { StreamLimits } from '../limits.ts'

export interface TestCatalog {
  dir: string
  counters: Counters
  clock: { nowMs: number }
  /** Opens the folder; the one that was open before is left as a crash would leave it. */
  open(limits?: Partial<StreamLimits>): Promise<StreamCatalog>
  remove(): void
}

export function testCatalog(): TestCatalog {
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-streams-'))
  const counters = new Counters()
  const clock = { nowMs: 1_795_262_400_000 }
  return {
    dir,
    counters,
    clock,
    open: (limits = {}) =>
      StreamCatalog.open({
        dir,
        counters,
        logger: SILENT_LOGGER,
        clock: () => clock.nowMs,
        limits: { diskFreeBytesMin: 0, ...limits },
      }),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}

export function newStream(name: string, changes: Partial<NewStream> = {}): NewStream {
  const stream: NewStream = {
    name,
    keyId: '',
    stamps: [],
    host: 'testhost',
    isIndexed: false,
  }
  return { ...stream, ...changes }
}
