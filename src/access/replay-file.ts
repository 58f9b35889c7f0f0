import { open, readFile, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../core/logger.ts'
import { codeOf } from './file-lock.ts'
import type { ReceivedSignature, ReplayWindow } from './replays.ts'

export interface ReplayFileOptions {
  /** The data folder. */
  dir: string
  clock: () => number
  logger: Logger
}

const FILE = 'signatures.json'
const FORMAT = 1
const SAVE_MS = 1000
/** Saving takes at most this part of the time. */
const SAVE_SHARE = 1 / 20

/**
 * Signatures from before the start are refused by their time, whether they were received or not. Those of senders
 * whose clocks are ahead bear a time after the next start, and have to be remembered over it: all of them when the
 * server is closed; for when it is killed, those more than a second ahead are saved every second.
 */
export async function readReplays({ dir, logger }: Omit<ReplayFileOptions, 'clock'>): Promise<ReceivedSignature[]> {
  try {
    const { format, signatures } = JSON.parse(await readFile(join(dir, FILE), 'utf8')) as Content
    if (format !== FORMAT) return []
    return signatures.map(([timestampMs, text]) => ({ timestampMs, signature: decode(text) }))
  } catch (err) {
    if (codeOf(err) !== 'ENOENT') {
      logger.warn(
        { err },
        'Signatures that were received before the start are not known; those ahead could be repeated',
      )
    }
    return []
  }
}

interface Content {
  format: number
  signatures: [timestampMs: number, signature: string][]
}

/** Returns what saves them for the last time. */
export function keepReplays(window: ReplayWindow, { dir, clock, logger }: ReplayFileOptions): () => Promise<void> {
  let savedCount = 0
  let notBeforeMs = 0
  let saving = Promise.resolve()
  const save = async (): Promise<void> => {
    const startMs = performance.now()
    notBeforeMs = Infinity
    savedCount = window.aheadCount
    try {
      await write(dir, window.since(clock()))
    } catch (err) {
      logger.warn(
        { err },
        'Received signatures could not be saved; those ahead of time could be repeated after a restart',
      )
    }
    notBeforeMs = performance.now() + (performance.now() - startMs) / SAVE_SHARE
  }
  const timer = setInterval(() => {
    if (window.aheadCount !== savedCount && performance.now() >= notBeforeMs) saving = save()
  }, SAVE_MS)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await saving
    await save()
  }
}

/** Whole or not at all; no file where there is nothing to remember. */
async function write(dir: string, signatures: readonly ReceivedSignature[]): Promise<void> {
  const path = join(dir, FILE)
  if (signatures.length === 0) {
    await unlink(path).catch(ignoreAbsence)
    return
  }
  const content: Content = {
    format: FORMAT,
    signatures: signatures.map(({ timestampMs, signature }) => [timestampMs, encode(signature)]),
  }
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(JSON.stringify(content))
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

function ignoreAbsence(error: unknown): void {
  if (codeOf(error) !== 'ENOENT') throw error
}

function encode(signature: string): string {
  return Buffer.from(signature, 'latin1').toString('base64url')
}

function decode(text: string): string {
  return Buffer.from(text, 'base64url').toString('latin1')
}
