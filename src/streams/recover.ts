import { readdir, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../core/logger.ts'
import { BYTES_SUFFIX, parseRecord, RECORD_SUFFIX, type StreamRecord } from './record.ts'

export interface RecoverOptions {
  dir: string
  logger: Logger
  clock: () => number
}

export interface RecoveredStream {
  record: StreamRecord
  sizeBytes: number
}

/** Records read at the same time. */
const AT_ONCE = 64

/**
 * The streams in a folder, oldest first. Those that were live have been interrupted by the end of the server. What has
 * lost its other half, or was being written, is removed; what cannot be understood stays and is told to the log.
 */
export async function recoverStreams({ dir, logger, clock }: RecoverOptions): Promise<RecoveredStream[]> {
  const names = new Set(await readdir(dir))
  const found: RecoveredStream[] = []
  const ids = [...names]
    .filter((name) => name.endsWith(RECORD_SUFFIX))
    .map((name) => name.slice(0, -RECORD_SUFFIX.length))
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const some = await Promise.all(ids.slice(at, at + AT_ONCE).map((id) => recoverStream(id, { dir, logger, clock })))
    found.push(...some.filter((stream) => stream !== undefined))
  }
  const known = new Set(ids.flatMap((id) => [id + RECORD_SUFFIX, id + BYTES_SUFFIX]))
  for (const name of names) if (!known.has(name)) await unlink(join(dir, name))
  found.sort((a, b) => a.record.startedMs - b.record.startedMs)
  return found
}

async function recoverStream(id: string, { dir, logger, clock }: RecoverOptions): Promise<RecoveredStream | undefined> {
  const path = join(dir, id + RECORD_SUFFIX)
  const record = parseRecord(await readFile(path, 'utf8'))
  if (!record) {
    logger.warn({ path }, 'The record of a stream cannot be understood; it is left alone')
    return undefined
  }
  let sizeBytes: number
  try {
    sizeBytes = (await stat(join(dir, id + BYTES_SUFFIX))).size
  } catch {
    // It was being removed.
    await unlink(path)
    return undefined
  }
  if (record.state === 'finished' && sizeBytes === record.sizeBytes) return { record, sizeBytes }
  if (record.state === 'finished') logger.warn({ stream: record.name }, 'A finished stream has lost bytes')
  return { record: { ...record, state: 'interrupted', endedMs: record.endedMs ?? clock(), sizeBytes: null }, sizeBytes }
}
