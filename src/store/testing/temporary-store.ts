/** For tests: stores in temporary folders, and a way to put events into them without a spool. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { EventBatch, NO_TIMESTAMP, ROW_RECEIVED, ROW_TIMESTAMP, type EventInput } from '../../core/batch.ts'
import { Counters } from '../../core/counters.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { NS_PER_MS } from '../../core/time.ts'
import { openEmbeddedStore, type EmbeddedStore, type EmbeddedStoreOptions } from '../embedded.ts'
import type { Store } from '../store.ts'

export interface TemporaryStore {
  store: EmbeddedStore
  folder: string
  /** Closes the store and removes the folder. */
  remove(): Promise<void>
}

/** An embedded store in a new temporary folder. */
export async function openTemporaryStore(options: Partial<EmbeddedStoreOptions> = {}): Promise<TemporaryStore> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-store-'))
  const store = await openEmbeddedStore({
    dataDir: folder,
    logger: SILENT_LOGGER,
    counters: new Counters(),
    memoryBytesMax: 2 ** 30,
    ...options,
  })
  return {
    store,
    folder,
    async remove() {
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Events → batch, stamped with received times from `receivedNs` on, one nanosecond apart. */
export function stampedBatch(events: Iterable<EventInput>, receivedNs = BigInt(Date.now()) * NS_PER_MS): EventBatch {
  const batch = new EventBatch()
  for (const event of events) batch.append(event)
  for (let row = 0; row < batch.rows; row++) {
    const offset = batch.offsets[row] ?? 0
    const received = receivedNs + BigInt(row)
    batch.bytes.writeBigInt64LE(received, offset + ROW_RECEIVED)
    if (batch.bytes.readBigInt64LE(offset + ROW_TIMESTAMP) === NO_TIMESTAMP) {
      batch.bytes.writeBigInt64LE(received, offset + ROW_TIMESTAMP)
    }
  }
  return batch
}

/** Writes a batch into a file of the spool's format and returns its path. */
export function writeRowsFile(folder: string, batch: EventBatch): string {
  const path = join(folder, `${randomUUID()}.rows`)
  writeFileSync(path, batch.bytes.subarray(0, batch.length))
  return path
}

/** Loads events through a temporary file, under a fresh token. Rows must be stamped already (`stampedBatch`). */
export async function loadBatch(store: Store, batch: EventBatch, node = 'test'): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-rows-'))
  try {
    await store.load({ files: [writeRowsFile(folder, batch)], token: randomUUID(), node })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
