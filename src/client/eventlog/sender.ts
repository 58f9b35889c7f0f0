import { open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isProcessAlive } from '../../core/process.ts'
import type { Patience } from '../backoff.ts'
import type { Connection } from '../connection.ts'
import { deliver } from './delivery.ts'
import { listFiles, plainName, readSent, writeSent, type LogFile } from './folder.ts'

export interface SenderOptions {
  dir: string
  connection: Pick<Connection, 'json'>
  patience: Patience
  signal: AbortSignal
  /** Told whenever something cannot be delivered now, and why; null: something was. */
  onTrouble: (reason: string | null) => void
  /** Counted up as events leave. */
  stats: SenderStats
  /** Whether the folder is still ours to empty; asked before each round. */
  isOurs: () => boolean
  /** Ends when there is nothing to send and no writer lives for so long; Infinity: only with the signal. */
  idleMsMax: number
  /** Milliseconds on a clock that does not go back. */
  now: () => number
}

export interface SenderStats {
  /** Events that the server has stored. */
  delivered: number
  /** Events set aside in `refused.ndjson`. */
  refused: number
}

const BATCH_LINES_MAX = 1000
const BATCH_BYTES_MAX = 1024 * 1024
/** A single line may be longer than a batch. */
const LINE_BYTES_MAX = 8 * 1024 * 1024
/** Writers whose events are on their way at the same time. */
const WRITERS_MAX = 4
/** How often the folder is looked at while it is quiet. */
const LOOK_MS = 100
const NEWLINE = 0x0a

/** Empties the folder: each writer's events in order, several writers side by side. Resolves when idle, aborted, or when the folder is somebody else's. */
export async function runSender(options: SenderOptions): Promise<void> {
  const { dir, signal, patience, now, idleMsMax, isOurs } = options
  const sent = readSent(dir)
  let quietSinceMs = now()
  while (!signal.aborted && isOurs()) {
    const files = listFiles(dir)
    forgetMissing(sent, files)
    let didWork: boolean
    try {
      didWork = await sendRound(byWriter(files), sent, options)
    } catch (error) {
      // What was on its way is sent again by whoever comes next, and the server knows what it has.
      if (signal.aborted) break
      throw error
    }
    if (didWork || files.some(({ isDone, pid }) => !isDone && isProcessAlive(pid))) quietSinceMs = now()
    if (didWork) continue
    if (now() - quietSinceMs >= idleMsMax) break
    try {
      await patience.wait(LOOK_MS, signal)
    } catch {
      // Aborted: the loop ends.
    }
  }
}

function byWriter(files: readonly LogFile[]): LogFile[][] {
  const writers = new Map<string, LogFile[]>()
  for (const file of files) {
    const found = writers.get(file.writer)
    if (found) found.push(file)
    else writers.set(file.writer, [file])
  }
  return [...writers.values()]
}

function forgetMissing(sent: Map<string, number>, files: readonly LogFile[]): void {
  const names = new Set(files.map(({ name }) => plainName(name)))
  for (const name of sent.keys()) if (!names.has(name)) sent.delete(name)
}

/** One batch of each writer. Resolves with whether there was any. */
async function sendRound(
  writers: readonly LogFile[][],
  sent: Map<string, number>,
  options: SenderOptions,
): Promise<boolean> {
  const queue = [...writers]
  let didWork = false
  const work = async (): Promise<void> => {
    for (let files = queue.shift(); files && !options.signal.aborted; files = queue.shift()) {
      didWork = (await sendNext(files, sent, options)) || didWork
    }
  }
  await Promise.all(Array.from({ length: WRITERS_MAX }, work))
  return didWork
}

/** The next batch of this writer, from the first file that has more; files that are sent whole are deleted. */
async function sendNext(
  files: readonly LogFile[],
  sent: Map<string, number>,
  options: SenderOptions,
): Promise<boolean> {
  for (const [index, file] of files.entries()) {
    const name = plainName(file.name)
    const from = sent.get(name) ?? 0
    // Whether it can grow is asked before it is read: what was written meanwhile is then seen in the next round.
    const isComplete = file.isDone || index < files.length - 1 || !isProcessAlive(file.pid)
    const batch = await readBatch(join(options.dir, file.name), from, isComplete)
    // Renamed by its writer, or dropped for want of room: the next look knows.
    if (batch === undefined) return true
    if (batch.lines.length > 0) {
      await deliver(batch.lines, {
        ...options,
        onRefused: (count) => {
          options.stats.refused += count
          options.stats.delivered -= count
        },
      })
      options.stats.delivered += batch.lines.length
      options.onTrouble(null)
    }
    if (batch.end > from) {
      sent.set(name, batch.end)
      writeSent(options.dir, sent)
      return true
    }
    if (isComplete) await remove(join(options.dir, file.name))
    else return false
  }
  return false
}

interface FileBatch {
  lines: Buffer[]
  /** Offset behind them. */
  end: number
}

/**
 * Whole lines from an offset on; blank ones and those that are no object are skipped: an event that was never written
 * whole was never logged. `undefined`: the file is gone.
 */
async function readBatch(path: string, from: number, isComplete: boolean): Promise<FileBatch | undefined> {
  let bytes = await readBytes(path, from, BATCH_BYTES_MAX)
  if (bytes === undefined) return undefined
  if (bytes.length === BATCH_BYTES_MAX && !bytes.includes(NEWLINE)) {
    bytes = (await readBytes(path, from, LINE_BYTES_MAX)) ?? bytes
  }
  const lines: Buffer[] = []
  let at = 0
  while (lines.length < BATCH_LINES_MAX) {
    const newline = bytes.indexOf(NEWLINE, at)
    if (newline < 0) break
    const line = bytes.subarray(at, newline)
    if (line[0] === 0x7b && line.at(-1) === 0x7d) lines.push(line)
    at = newline + 1
  }
  // The rest of a file that nobody will complete.
  const isTorn = isComplete && lines.length < BATCH_LINES_MAX && bytes.length < BATCH_BYTES_MAX
  return { lines, end: from + (isTorn || bytes.length === LINE_BYTES_MAX ? bytes.length : at) }
}

async function readBytes(path: string, from: number, bytesMax: number): Promise<Buffer | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(bytesMax, size - from)))
      const { bytesRead } = await file.read(bytes, 0, bytes.length, from)
      return bytes.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
