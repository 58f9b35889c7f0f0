import type { BatchFolder } from './batch-folder.ts'
import type { SpoolContext } from './context.ts'
import { removeWhole } from './disk.ts'
import type { Pile } from './isolate.ts'
import type { Leftovers } from './loader.ts'
import { byArrival, folderName, parseFileName, parseFolderName, QUARANTINE, TEMPORARY, type RowsFile } from './names.ts'

/**
 * Puts a spool folder in order after whatever ended the last process, and enters what is in it into the ledger.
 * Nothing may write to the folder meanwhile.
 */
export async function recover(context: SpoolContext): Promise<Leftovers & { nextSequence: number }> {
  const { disk, dir, ledger, logger } = context
  await disk.makeFolder(`${dir}/${QUARANTINE}`)
  const entries = await disk.list(dir)
  const names = new Set(entries.map((entry) => entry.name))
  const found: Leftovers = { files: [], batches: [], piles: [] }
  for (const { name, isFolder } of entries) {
    if (isFolder) await recoverFolder(context, name, names, found)
    else if (name.endsWith(TEMPORARY)) await disk.removeFile(`${dir}/${name}`)
    else {
      const file = parseFileName(name, await disk.bytes(`${dir}/${name}`))
      if (file) found.files.push(file)
      else logger.warn({ file: `${dir}/${name}` }, 'This file does not belong into the spool; it is left alone')
    }
  }
  await disk.syncFolder(dir)
  const quarantined = await disk.list(`${dir}/${QUARANTINE}`)
  ledger.quarantinedFiles = quarantined.length
  found.files.sort(byArrival)
  found.batches.sort((a, b) => (a.id < b.id ? -1 : 1))
  found.piles.sort((a, b) => (a.id < b.id ? -1 : 1))
  const waiting = [...found.files, ...[...found.batches, ...found.piles].flatMap((folder) => folder.files)]
  for (const file of waiting.sort(byArrival)) ledger.add(file)
  if (waiting.length > 0) {
    logger.info({ files: ledger.files, events: ledger.rows, bytes: ledger.bytes }, 'The spool has events from before')
  }
  const last = Math.max(
    0,
    ...sequences(names),
    ...sequences(quarantined.map(({ name }) => name)),
    waiting.at(-1)?.sequence ?? 0,
  )
  return { ...found, nextSequence: last + 1 }
}

async function recoverFolder(
  context: SpoolContext,
  name: string,
  names: ReadonlySet<string>,
  found: Leftovers,
): Promise<void> {
  const { disk, dir } = context
  const parsed = parseFolderName(name)
  if (!parsed) return
  const { kind, id } = parsed
  const path = `${dir}/${name}`
  const split = folderName('split', id)
  if (kind === 'temp' || kind === 'done') await removeWhole(disk, path)
  else if (kind === 'batch') {
    const batch: BatchFolder = { id, path, files: await filesIn(context, path), isSynced: false, readFailures: 0 }
    found.batches.push(batch)
  } else if (kind === 'parts' || !names.has(folderName('parts', id))) {
    const pile: Pile = { id, path, files: await filesIn(context, path), mustHalve: false }
    if (kind === 'parts' && names.has(split)) pile.replaced = `${dir}/${split}`
    found.piles.push(pile)
  }
}

async function filesIn(context: SpoolContext, path: string): Promise<RowsFile[]> {
  const files: RowsFile[] = []
  for (const { name } of await context.disk.list(path)) {
    const file = parseFileName(name, await context.disk.bytes(`${path}/${name}`))
    if (file) files.push(file)
  }
  return files.sort(byArrival)
}

function* sequences(names: Iterable<string>): Generator<number> {
  for (const name of names) {
    const match = /^(?:[a-z]+-)?(\d{12,15})-/.exec(name)
    if (match) yield Number(match[1])
  }
}
