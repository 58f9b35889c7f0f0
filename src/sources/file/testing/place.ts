/** For tests: a folder with logs in it, and the source that follows them into a memory. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Counters } from '../../../core/counters.ts'
import { SILENT_LOGGER } from '../../../core/logger.ts'
import { fileSource, type FileSource, type FileSourceOptions } from '../file.ts'
import { MemoryEnd } from './memory-end.ts'

export interface Place {
  dir: string
  log: string
  end: MemoryEnd
  start(more?: Partial<FileSourceOptions>): Promise<FileSource & { kill: () => Promise<void> }>
}

export function place(): Place {
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-file-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const logs = join(dir, 'logs')
  mkdirSync(logs)
  const end = new MemoryEnd()
  return {
    dir: logs,
    log: join(logs, 'app.log'),
    end,
    async start(more = {}) {
      const sink = end.connect()
      const source = await fileSource.follow({
        patterns: [{ path: join(logs, '*.log') }],
        stateDir: join(dir, 'state'),
        sink,
        counters: new Counters(),
        logger: SILENT_LOGGER,
        hostname: 'box',
        ...more,
        limits: { lingerMs: 5, holdMs: 10, partialMs: 60, rotatedMs: 200, rescanMs: 300, ...more.limits },
      })
      onTestFinished(() => source.close())
      return {
        ...source,
        kill: async () => {
          sink.cut()
          await source.close()
        },
      }
    },
  }
}
