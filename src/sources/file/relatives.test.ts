import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { newRecord } from './followed-file.ts'
import { isStill, knownUpTo, type Sibling } from './relatives.ts'
import { SOURCE_IO } from './source-io.ts'

/** Longer than what is kept of a beginning. */
const BANNER = '# the same in all logs\n'.repeat(60)

async function written(path: string, text: string): Promise<Sibling> {
  writeFileSync(path, path.endsWith('.gz') ? gzipSync(text) : text)
  return { path, stats: await SOURCE_IO.stat(path) }
}

test.each(['app.log.1', 'app.log.1.gz'])(
  'a log that begins as %s did, and is longer, is another file',
  async (name) => {
    const dir = mkdtempSync(join(tmpdir(), 'tailrace-relatives-'))
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
    const copy = await written(join(dir, name), `${BANNER}first\n`)
    const known = await knownUpTo(SOURCE_IO, copy, newRecord(1, copy.path, copy.stats), Infinity)
    expect(known.offset).toBe(BANNER.length + 'first\n'.length)
    const log = join(dir, 'app.log')
    // As if it had been given the number of the copy.
    expect(await isStill(SOURCE_IO, await written(log, `${BANNER}other\nlines\n`), known)).toBe(false)
    expect(await isStill(SOURCE_IO, await written(log, `${BANNER}first\nlines\n`), known)).toBe(true)
  },
)
