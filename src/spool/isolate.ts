/**
 * When the store refuses a batch because of its rows, the bad ones are found by halving, so that all others get in.
 * Nothing of a refused batch is in the store, so its rows may go under other tokens. Each step becomes real by one
 * rename, and recovery knows the state by the names of the folders (`names.ts`).
 */
import { crc32 } from 'node:zlib'
import { EventView } from '../core/batch.ts'
import { quarantine, type BatchFolder, type Folder } from './batch-folder.ts'
import type { SpoolContext } from './context.ts'
import { removeWhole } from './disk.ts'
import { DAMAGED, fileName, folderName, type RowsFile } from './names.ts'

/** Files that are to be tried each alone. */
export interface Pile extends Folder {
  id: string
  /** Its only file was tried alone and refused: it must be halved. */
  mustHalve: boolean
  /** Folder that this pile has replaced and that must go before anything of the pile is loaded. */
  replaced?: string
}

/** A refused batch becomes a pile; a lone row, or a file that was tried often enough, goes to quarantine. */
export async function split(
  context: SpoolContext,
  batch: BatchFolder,
  isTriedEnough: boolean,
): Promise<Pile | undefined> {
  const [file] = batch.files
  if (!file) return undefined
  if (batch.files.length === 1 && (file.rows <= 1 || isTriedEnough)) {
    await quarantine(context, batch, file, 'refused')
    return undefined
  }
  const path = `${context.dir}/${folderName('split', batch.id)}`
  await context.disk.rename(batch.path, path)
  return { id: batch.id, path, files: batch.files, mustHalve: batch.files.length === 1 }
}

/** Writes the rows of the pile's only file as several files, which replace it. */
export async function halve(context: SpoolContext, pile: Pile): Promise<void> {
  const { disk, dir, ledger } = context
  const [file] = pile.files
  if (!file) return
  const pieces: Buffer[] = []
  await disk.read(`${pile.path}/${file.name}`, (piece) => pieces.push(Buffer.from(piece)))
  const bytes = Buffer.concat(pieces)
  if (crc32(bytes) !== file.crc) return await quarantine(context, pile, file, 'checksum')
  const temporary = `${dir}/${folderName('temp', pile.id)}`
  const parts = `${dir}/${folderName('parts', pile.id)}`
  await removeWhole(disk, temporary)
  await disk.makeFolder(temporary)
  const files = await writeParts(context, temporary, file, bytes)
  await disk.syncFolder(temporary)
  await disk.rename(temporary, parts)
  pile.replaced = pile.path
  pile.path = parts
  pile.files = files
  pile.mustHalve = false
  ledger.replace(file, files.length)
  await disk.syncFolder(dir)
}

/** After `halve`: the old file goes, and only then may the new ones be loaded. May be repeated. */
export async function removeReplaced(context: SpoolContext, pile: Pile): Promise<void> {
  if (pile.replaced === undefined) return
  await context.disk.syncFolder(context.dir)
  await removeWhole(context.disk, pile.replaced)
  await context.disk.syncFolder(context.dir)
  delete pile.replaced
}

async function writeParts(context: SpoolContext, path: string, file: RowsFile, bytes: Buffer): Promise<RowsFile[]> {
  const files: RowsFile[] = []
  for (const { start, end, rows, receivedNs, isDamaged } of await cut(bytes, file)) {
    const contents = bytes.subarray(start, end)
    const part = { sequence: file.sequence, receivedNs, rows, crc: crc32(contents), bytes: contents.length }
    const name = fileName(part, isDamaged ? DAMAGED : undefined)
    await context.disk.write(`${path}/${name}`, [contents])
    files.push({ ...part, name })
  }
  return files
}

/** Rows that are looked at before others get a turn of the event loop. */
const ROWS_PER_TURN = 2048

interface Cut {
  start: number
  end: number
  rows: number
  receivedNs: bigint
  /** From here on the bytes are not rows. */
  isDamaged: boolean
}

/** Two halves of the rows that can be read, and apart from them all from the first one that cannot. */
async function cut(bytes: Buffer, file: Pick<RowsFile, 'rows' | 'receivedNs'>): Promise<Cut[]> {
  const { starts, end } = await findRows(bytes, file.receivedNs)
  const view = new EventView()
  const cuts: Cut[] = []
  const middle = Math.ceil(starts.length / 2)
  for (const [from, to] of [
    [0, middle],
    [middle, starts.length],
  ] as const) {
    if (from === to) continue
    const receivedNs = view.at(bytes, starts[to - 1] ?? 0).receivedNs
    cuts.push({ start: starts[from] ?? 0, end: starts[to] ?? end, rows: to - from, receivedNs, isDamaged: false })
  }
  if (end < bytes.length) {
    const rows = Math.max(1, file.rows - starts.length)
    cuts.push({ start: end, end: bytes.length, rows, receivedNs: file.receivedNs, isDamaged: true })
  }
  return cuts
}

/**
 * Where the rows start, and where the last one that can be read ends. Received times never fall within a file and end
 * with that of its name. Where they do otherwise the row before has led astray: it counts as damaged too.
 */
async function findRows(bytes: Buffer, lastNs: bigint): Promise<{ starts: number[]; end: number }> {
  const view = new EventView()
  const starts: number[] = []
  let end = 0
  let previousNs = 0n
  try {
    while (end < bytes.length) {
      const next = view.at(bytes, end).end
      if (next > bytes.length) break
      const { receivedNs } = view
      if (receivedNs < previousNs || receivedNs > lastNs) {
        end = starts.pop() ?? 0
        break
      }
      previousNs = receivedNs
      starts.push(end)
      end = next
      if (starts.length % ROWS_PER_TURN === 0) await new Promise(setImmediate)
    }
  } catch (error) {
    // This is how the view says that the row at `end` is cut off or damaged.
    if (!(error instanceof RangeError)) throw error
  }
  return { starts, end }
}
