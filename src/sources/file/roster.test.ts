import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { FollowedFile, newRecord } from './followed-file.ts'
import { Interpreters } from './interpreter.ts'
import { Journal } from './journal.ts'
import { parsePattern } from './pattern.ts'
import { Roster } from './roster.ts'
import { SOURCE_IO } from './source-io.ts'

test('a file at rest that is read again: the journal is not told any more where it was left', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-roster-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const path = join(dir, 'app.log')
  writeFileSync(path, 'first\nsecond\n')
  const journal = await Journal.open(dir)
  onTestFinished(() => journal.close())
  const roster = new Roster(journal, 10)
  const record = { ...newRecord(roster.nextKey(), path, await SOURCE_IO.stat(path)), offset: 6, crcBytes: 6 }
  roster.rest(record)
  roster.giveUp(record)
  const pattern = parsePattern({ path })
  roster.add(new FollowedFile(record, pattern, new Interpreters('box', 1024).create(path, pattern, 6, 0)))
  expect(roster.takeNews()).toEqual({ known: [], ended: [], gone: [] })
})
