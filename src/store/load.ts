import { createReadStream } from 'node:fs'
import { basename, dirname } from 'node:path'
import { Readable } from 'node:stream'
import { ROW_COLUMNS } from '../core/batch.ts'
import type { Connection, Settings } from './connection.ts'
import type { LoadRequest } from './store.ts'

const COLUMNS = 'timestamp, received, node, severity, service, host, source, message, trace_id, span_id, attributes'
const SELECTED =
  'timestamp, received, {node:String}, severity, service, host, source, message, trace_id, span_id, attributes'

/** Rows of one block: see below why it must not depend on anything but the rows. */
const BLOCK_ROWS = 1_048_576

/**
 * Settings of an INSERT that is tried again with the same token until it succeeds. The engine remembers
 * `token_block` for each partition that a block touched, so a retry completes exactly what was missing as long as the
 * rows fall into the same blocks: one thread, and blocks cut by row counts alone.
 */
const LOAD_SETTINGS: Settings = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_threads: 1,
  // Not mapped into memory: pages of the spool would count as the engine's own.
  storage_file_read_method: 'read',
  max_read_buffer_size: 262_144,
  max_insert_threads: 1,
  max_block_size: 65_536,
  max_insert_block_size: BLOCK_ROWS,
  min_insert_block_size_rows: BLOCK_ROWS,
  min_insert_block_size_bytes: 0,
  // On a cluster: the answer waits until every shard has its part.
  distributed_foreground_insert: 1,
  max_partitions_per_insert_block: 0,
  throw_on_max_partitions_per_insert_block: 0,
  // A load must not fail for being slow or large; the server's own memory limit still holds.
  max_execution_time: 0,
  max_memory_usage: 0,
}

/** Loads files that the engine can open by itself. */
export async function loadFiles(connection: Connection, request: LoadRequest): Promise<void> {
  const glob = fileGlob(request.files)
  if (glob === undefined) return await loadStream(connection, request)
  await connection.command(
    {
      sql: `INSERT INTO events (${COLUMNS}) SELECT ${SELECTED} FROM file({glob:String}, 'RowBinary', {columns:String})`,
      params: { glob, columns: ROW_COLUMNS, node: request.node },
    },
    { ...LOAD_SETTINGS, insert_deduplication_token: request.token },
    'load',
  )
}

/** Loads files by sending them as one body. */
export async function loadStream(connection: Connection, request: LoadRequest): Promise<void> {
  await connection.send(
    {
      sql: `INSERT INTO events (${COLUMNS}) SELECT ${SELECTED} FROM input('${ROW_COLUMNS.replaceAll("'", "\\'")}') FORMAT RowBinary`,
      params: { node: request.node },
    },
    Readable.from(chunks(request.files), { objectMode: false, highWaterMark: 1024 * 1024 }),
    { ...LOAD_SETTINGS, insert_deduplication_token: request.token },
    'load',
  )
}

async function* chunks(files: readonly string[]): AsyncGenerator<Buffer, void, undefined> {
  for (const path of files) {
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) yield chunk as Buffer
  }
}

/** One path pattern naming exactly these files; `undefined` where a name has a meaning in patterns. */
export function fileGlob(files: readonly string[]): string | undefined {
  const [first] = files
  if (first === undefined || files.some((path) => /[*?{},[\]|\\]/.test(path))) return undefined
  if (files.length === 1) return first
  const folder = dirname(first)
  if (files.some((path) => dirname(path) !== folder)) return undefined
  return `${folder}/{${files.map((path) => basename(path)).join(',')}}`
}
