/** A process of its own that opens the store of a folder, prints its engine's pid as JSON, and waits to be killed. */
import { Counters } from '../../core/counters.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { openEmbeddedStore } from '../embedded.ts'

const store = await openEmbeddedStore({
  dataDir: process.argv[2] ?? '',
  logger: SILENT_LOGGER,
  counters: new Counters(),
  memoryBytesMax: 2 ** 30,
})
process.stdout.write(`${JSON.stringify({ pid: store.engine?.pid })}\n`)
setInterval(() => undefined, 60_000)
