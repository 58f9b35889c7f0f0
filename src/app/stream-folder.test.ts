import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startOf } from '../access/file-lock.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import { openStreamFolder } from './stream-folder.ts'

let parent = ''
let place = ''
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'tailrace-folders-'))
  const { dir, remove } = openStreamFolder(SILENT_LOGGER, parent)
  place = /-([0-9a-f]{12})-\w{6}$/.exec(dir)?.[1] ?? ''
  remove()
})
afterEach(() => rmSync(parent, { recursive: true }))

const OWN_START = startOf(process.pid)
/** The number of no process. */
const NOBODY = 999_999_999

test('a folder each, and nothing left behind', () => {
  const folders = [openStreamFolder(SILENT_LOGGER, parent), openStreamFolder(SILENT_LOGGER, parent)]
  for (const { dir } of folders) writeFileSync(join(dir, 'bytes'), 'x')
  expect(readdirSync(parent).toSorted()).toEqual(folders.map(({ dir }) => basename(dir)).toSorted())
  for (const { remove } of folders) remove()
  expect(readdirSync(parent)).toEqual([])
})

test.each([
  ['of a process that has ended', () => `${NOBODY}-1-${place}-AbCdE1`, false],
  ['of a process whose number another one has now', () => `${process.pid}-${OWN_START}1-${place}-AbCdE1`, false],
  ['of this process', () => `${process.pid}-${OWN_START}-${place}-AbCdE1`, true],
  ['of another process that lives', () => `${process.ppid}-${startOf(process.ppid)}-${place}-AbCdE1`, true],
  ['of another machine or container', () => `${NOBODY}-1-${'0'.repeat(12)}-AbCdE1`, true],
  ['of nobody who is named', () => 'AbCdE1', true],
])('a folder %s', (_name, rest, isKept) => {
  const dir = join(parent, `tailrace-streams-${rest()}`)
  mkdirSync(join(dir, 'a'), { recursive: true })
  writeFileSync(join(dir, 'a', 'bytes'), 'x')
  openStreamFolder(SILENT_LOGGER, parent).remove()
  expect(existsSync(join(dir, 'a', 'bytes'))).toBe(isKept)
})

test('files and links that are called so stay, and so does what they lead to', () => {
  mkdirSync(join(parent, 'theirs'))
  writeFileSync(join(parent, 'theirs', 'bytes'), 'x')
  writeFileSync(join(parent, `tailrace-streams-${NOBODY}-1-${place}-AbCdE1`), 'x')
  symlinkSync(join(parent, 'theirs'), join(parent, `tailrace-streams-${NOBODY}-1-${place}-AbCdE2`))
  openStreamFolder(SILENT_LOGGER, parent).remove()
  expect(readdirSync(parent)).toHaveLength(3)
  expect(readdirSync(join(parent, 'theirs'))).toEqual(['bytes'])
})

// Only root can give a folder away.
test.skipIf(process.getuid?.() !== 0)('a folder of another user stays', () => {
  const dir = join(parent, `tailrace-streams-${NOBODY}-1-${place}-AbCdE1`)
  mkdirSync(dir)
  chownSync(dir, 12_345, 12_345)
  openStreamFolder(SILENT_LOGGER, parent).remove()
  expect(existsSync(dir)).toBe(true)
})
