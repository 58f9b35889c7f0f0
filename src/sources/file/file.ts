/**
 * Source `file`: follows log files wherever rotation takes them, and hands their lines over in deliveries of which each
 * has an id. It never writes to what it reads. Start here; `folders.ts` finds files, `tracker.ts` knows which is which,
 * `origins.ts` tells copies from new ones, `reader.ts` reads them, `line-cutter.ts` makes lines of bytes, `courier.ts`
 * sends, `journal.ts` remembers.
 */
import { randomBytes } from 'node:crypto'
import type { Counters } from '../../core/counters.ts'
import type { Logger } from '../../core/logger.ts'
import type { FollowingSource } from '../source.ts'
import { Courier, type DeliverySink } from './courier.ts'
import { EarlyFiles } from './early-files.ts'
import { FollowedFile } from './followed-file.ts'
import { Folders } from './folders.ts'
import { Handles } from './handles.ts'
import { Interpreters } from './interpreter.ts'
import { Journal } from './journal.ts'
import { Lanes } from './lanes.ts'
import { FILE_LIMITS, type FileLimits } from './limits.ts'
import { MOUNT_IO, type MountIo } from './mounts.ts'
import { type FilePattern, type FilePatternSettings, parsePattern } from './pattern.ts'
import { Readers } from './readers.ts'
import type { FileRecord } from './record.ts'
import type { Sibling } from './relatives.ts'
import { Roster } from './roster.ts'
import { SOURCE_IO, type SourceIo } from './source-io.ts'
import { type FilesStatus, filesStatus } from './status.ts'
import { Tracker } from './tracker.ts'
import { Watch } from './watch.ts'

export type { DeliverySink } from './courier.ts'

/** Log files of this machine. docs/sources/file.md. */
export const fileSource: FollowingSource<FileSourceOptions, FileSource> = { name: 'file', follow: followFiles }

export interface FileSourceOptions {
  /** Absolute paths and globs. */
  patterns: readonly FilePatternSettings[]
  /** Where the journal is kept. */
  stateDir: string
  sink: DeliverySink
  counters: Counters
  logger: Logger
  hostname: string
  limits?: Partial<FileLimits>
  io?: SourceIo
  mounts?: MountIo
}

export interface FileSource {
  status(): FilesStatus
  /** Resolves when everything that was in the files at the time of the call has been delivered. */
  caughtUp(): Promise<void>
  /** Whether calls that may never return keep threads of the process: then it would not end by itself. */
  isHeldUp(): boolean
  /** Stops reading, delivers what was read within `graceMs`, and lets go of everything. */
  close(graceMs?: number): Promise<void>
}

/**
 * Begins to follow. Resolves once what an earlier process left is settled with the other end, and every file that is
 * there now was looked at. Throws RangeError for a glob that cannot be read.
 */
async function followFiles(options: FileSourceOptions): Promise<FileSource> {
  const { sink, counters, logger, hostname } = options
  const limits = { ...FILE_LIMITS, ...options.limits }
  const lanes = openLanes(options, limits, () => watch.rescanSoon())
  const { io } = lanes
  const patterns = options.patterns.map(parsePattern)
  const { journal, newPatterns } = await openJournal(options)
  const interpreters = new Interpreters(hostname, limits.lineBytesMax)
  const roster = new Roster(journal, limits.ancestorsMax)
  const courier = new Courier({ sink, journal, limits, logger, run: randomBytes(6).toString('hex') })
  const handles = new Handles(io, limits.openFilesMax, () => counters.add('file_handles_closed_total'))
  const folders = new Folders({
    lanes,
    patterns,
    foldersMax: limits.foldersMax,
    logger,
    onChange: (path, isMoved) => watch.changed(path, isMoved),
    onFolders: () => watch.rescanSoon(),
  })
  const readers = new Readers({
    io,
    handles,
    courier,
    limits,
    roster,
    counters,
    logger,
    mountOf: (path) => lanes.mounts.of(path),
    onRewritten: (file) => watch.rewritten(file),
    onUnsure: (file) => watch.unsure(file),
    onLost: (file) => watch.lost(file),
  })
  const tracker = new Tracker({
    io,
    roster,
    handles,
    patterns,
    limits,
    logger,
    isFirstLook: ({ path }) => roster.isStarting && newPatterns.has(path),
    sinceOf: ({ path }) => journal.since.get(path) ?? 0,
    follow: (...where) => watch.remember(begin(roster, interpreters, ...where)),
    wake: (file) => readers.wake(file),
    end: (file) => readers.end(file),
    watchExtra: (folder) => folders.watchExtra(folder),
    onLost: (file) => watch.lost(file),
    look: (path) => watch.look(path),
    lookLater: (path) => watch.lookLater(path),
  })
  const early = new EarlyFiles({ io, roster, handles, patterns, counters, tracker, readers })
  const watch = new Watch({ roster, folders, tracker, early, readers, courier, journal, limits, logger })
  await watch.start()
  return {
    status: () => filesStatus({ roster, folders, handles, lanes, journal, counters }),
    caughtUp: () => watch.caughtUp(),
    isHeldUp: () => lanes.hung().length > 0,
    async close(graceMs = 0) {
      await watch.close()
      await readers.close()
      if (graceMs > 0)
        await Promise.race([courier.drain(), new Promise((resolve) => setTimeout(resolve, graceMs).unref())])
      courier.stop()
      folders.close()
      await handles.close()
      await journal.close()
    },
  }
}

/** Begins to follow a file, or goes on with one that was let go and has events that are not delivered yet. */
function begin(
  roster: Roster,
  interpreters: Interpreters,
  record: FileRecord,
  pattern: FilePattern,
  { path, stats }: Sibling,
): FollowedFile {
  const left = roster.ending.get(record.key)
  roster.ending.delete(record.key)
  const file =
    left ?? new FollowedFile(record, pattern, interpreters.create(path, pattern, record.offset, Number(stats.mtimeMs)))
  file.moveTo(path, stats)
  roster.add(file)
  return file
}

/** What an earlier process left is settled with the other end. */
async function openJournal({ stateDir, sink, patterns }: FileSourceOptions) {
  const journal = await Journal.open(stateDir)
  if (journal.inDoubt) {
    const { id } = journal.inDoubt
    if (await sink.wasTaken(id)) journal.taken(id)
    else await journal.dropDoubt()
  }
  const paths = patterns.map(({ path }) => path)
  return { journal, newPatterns: await journal.follow(paths, Date.now()) }
}

/** Threads that are left for local files, archives and names of hosts, whatever hangs. */
const LOCAL_THREADS = 2
/** As many threads as Node has for these. */
const THREADS = 4

function threadsOf({ UV_THREADPOOL_SIZE: size }: NodeJS.ProcessEnv): number {
  return size !== undefined && /^\d+$/.test(size) ? Number(size) : THREADS
}

function openLanes(options: FileSourceOptions, { remoteCallMs }: FileLimits, rescan: () => void): Lanes {
  const { logger, io = SOURCE_IO, mounts = MOUNT_IO } = options
  return new Lanes({
    io,
    mounts,
    callMs: remoteCallMs,
    callsMax: Math.max(1, threadsOf(process.env) - LOCAL_THREADS),
    onHung: (mount) => logger.warn({ mount }, 'A file system does not answer; its files are left alone until it does'),
    onBack(mount) {
      logger.info({ mount }, 'A file system answers again')
      rescan()
    },
  })
}
