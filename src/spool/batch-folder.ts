import { crc32 } from 'node:zlib'
import type { SpoolContext } from './context.ts'
import { removeWhole, systemCode } from './disk.ts'
import { batchId, folderName, QUARANTINE, quarantineName, type RowsFile } from './names.ts'

/** Files in a folder of the spool. */
export interface Folder {
  path: string
  files: RowsFile[]
}

/** Files that go into the store together. The id is the token. */
export interface BatchFolder extends Folder {
  id: string
  /** The names in it are on the medium: from then on the same files always go together. */
  isSynced: boolean
  /** Attempts at which a file of it could not be read. */
  readFailures: number
}

/**
 * Why events did not reach the store: the bytes are not those that were acknowledged, cannot be read, are no rows, are
 * refused by the store, or somebody took the file away.
 */
export type QuarantineReason = 'checksum' | 'unreadable' | 'damaged' | 'refused' | 'missing'

/** Makes an empty batch folder for files from this one on. */
export async function newBatch(context: SpoolContext, first: RowsFile): Promise<BatchFolder> {
  const id = batchId(first.sequence, context.random())
  const path = `${context.dir}/${folderName('batch', id)}`
  await context.disk.makeFolder(path)
  return { id, path, files: [], isSynced: false, readFailures: 0 }
}

/** Moves the first `count` files of a folder into the batch. Ended by an error, both lists are right all the same. */
export async function moveInto(context: SpoolContext, batch: BatchFolder, from: Folder, count: number): Promise<void> {
  // Taken out of the list in one go at the end: it may be long, and others append to it meanwhile.
  let moved = 0
  try {
    for (; moved < count; moved++) {
      const file = from.files[moved]
      if (file && (await rename(context, file, from.path, batch.path))) batch.files.push(file)
    }
  } finally {
    from.files.splice(0, moved)
  }
  if (from.path !== context.dir) await context.disk.syncFolder(from.path)
  await syncBatch(context, batch)
}

/** Makes the contents of the batch final. */
export async function syncBatch(context: SpoolContext, batch: BatchFolder): Promise<void> {
  await context.disk.syncFolder(batch.path)
  await context.disk.syncFolder(context.dir)
  batch.isSynced = true
}

async function rename(context: SpoolContext, file: RowsFile, from: string, to: string): Promise<boolean> {
  try {
    await context.disk.rename(`${from}/${file.name}`, `${to}/${file.name}`)
    return true
  } catch (error) {
    if (!(await isMissing(context, `${from}/${file.name}`))) throw error
    giveUp(context, file, 'missing', `${from}/${file.name}`)
    return false
  }
}

/**
 * Reads every file and moves those whose checksum is not that of their name into quarantine. Done before each attempt:
 * a file may have waited long, and what the store reads is then as good as what was acknowledged.
 */
export async function verify(context: SpoolContext, batch: BatchFolder): Promise<void> {
  for (const file of batch.files.slice()) {
    const path = `${batch.path}/${file.name}`
    let crc = 0
    try {
      await context.disk.read(path, (piece) => (crc = crc32(piece, crc)))
      if (crc !== file.crc) await quarantine(context, batch, file, 'checksum')
    } catch (error) {
      if (await isMissing(context, path)) {
        batch.files.splice(batch.files.indexOf(file), 1)
        giveUp(context, file, 'missing', path)
      } else if (systemCode(error) === 'EIO' && ++batch.readFailures > context.limits.readFailuresMax) {
        await quarantine(context, batch, file, 'unreadable')
      } else throw error
    }
  }
}

/** Moves a file of the folder into quarantine and counts it. */
export async function quarantine(
  context: SpoolContext,
  folder: Folder,
  file: RowsFile,
  reason: QuarantineReason,
): Promise<void> {
  const { disk, dir, ledger } = context
  const path = `${dir}/${QUARANTINE}/${quarantineName(file.name, reason)}`
  await disk.rename(`${folder.path}/${file.name}`, path)
  folder.files.splice(folder.files.indexOf(file), 1)
  ledger.quarantinedFiles++
  giveUp(context, file, reason, path)
  await disk.syncFolder(`${dir}/${QUARANTINE}`)
  await disk.syncFolder(folder.path)
}

function giveUp(context: SpoolContext, file: RowsFile, reason: QuarantineReason, path: string): void {
  const { counters, logger, ledger } = context
  ledger.settle(file)
  counters.add('spool_quarantined_total', { reason }, file.rows)
  logger.error({ file: path, events: file.rows, reason }, 'Events of the spool could not be stored')
}

async function isMissing(context: SpoolContext, path: string): Promise<boolean> {
  try {
    await context.disk.bytes(path)
    return false
  } catch (error) {
    return systemCode(error) === 'ENOENT'
  }
}

/** The batch is in the store: removes it so that a crash in between cannot bring a part of it back. May be repeated. */
export async function removeBatch(context: SpoolContext, batch: BatchFolder): Promise<void> {
  const done = `${context.dir}/${folderName('done', batch.id)}`
  try {
    await context.disk.rename(batch.path, done)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
  await removeWhole(context.disk, done)
}
