/** For tests: the routes of every source, and streams of these names that nobody but an admin may read. */
import type { FastifyInstance } from 'fastify'
import { BatchPool } from '../../core/batch-pool.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { attachStreams } from '../../sources/livestream/routes.ts'
import { SOURCES } from '../../sources/registry.ts'
import { isHttpSource, SOURCE_LIMITS } from '../../sources/source.ts'
import { MemorySink } from '../../sources/testing/memory-sink.ts'
import { newStream, testCatalog } from '../../streams/testing/open-catalog.ts'
import type { ApiContext } from '../context.ts'

export interface AllSources {
  attach(app: FastifyInstance): void
  remove(): void
}

export async function allSources(
  { counters, clock, audit }: ApiContext,
  names: readonly string[],
): Promise<AllSources> {
  const folder = testCatalog()
  const catalog = await folder.open()
  for (const name of names) await (await catalog.create(newStream(name))).finish()
  const context = {
    sinkFor: () => new MemorySink(),
    batches: new BatchPool({ bytesMax: 1_000_000 }),
    counters,
    logger: SILENT_LOGGER,
    clock,
    hostname: 'here',
    limits: SOURCE_LIMITS,
    recentValues: () => Promise.resolve([]),
  }
  const settings = { isIndexed: false, writerIdleMs: 1000, readerIdleMs: 1000, lagBytesMax: Infinity, shareMsMax: 1000 }
  const streams = { ...context, catalog, mayRead: () => false, onKeyEnded: () => () => undefined, audit }
  return {
    attach(app) {
      for (const source of SOURCES) if (isHttpSource(source)) source.attach(app, context)
      attachStreams(app, streams, settings)
    },
    remove: () => folder.remove(),
  }
}
