/** Files that are no plain logs: half characters, damaged archives, names that are none, folders that must be left alone. */
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { SOURCE_IO } from './source-io.ts'
import { place } from './testing/place.ts'

const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le')

test.each([4, 5, 6, 9])('lines that are read in pieces of %i bytes', async (readBytes) => {
  const { log, end, start } = place()
  writeFileSync(log, 'one\r\n\u00e9\u20ac\ud83d\ude00\r\n\r\nthree\r\n')
  await (await start({ limits: { readBytes } })).caughtUp()
  expect(end.messages).toEqual(['one', '\u00e9\u20ac\ud83d\ude00', 'three'])
})

test('UTF-16 that grows by half a character', async () => {
  const { log, end, start } = place()
  const bytes = utf16('\uFEFFeins\nzwei\n')
  writeFileSync(log, bytes.subarray(0, 15))
  const source = await start({ limits: { partialMs: 60_000 } })
  await expect.poll(() => end.messages).toEqual(['eins'])
  appendFileSync(log, bytes.subarray(15, 18))
  await expect.poll(() => source.status().files).toMatchObject([{ size: 18 }])
  appendFileSync(log, bytes.subarray(18))
  await expect.poll(() => end.messages).toEqual(['eins', 'zwei'])
})

test('a last line without its end is read as the others; what comes of it later is its second part', async () => {
  const { log, end, start } = place()
  const head = '2026-11-21T10:00:00Z'
  writeFileSync(log, `${head} INFO one\n${head} ERROR two`)
  await start()
  await expect.poll(() => end.messages).toEqual([`${head} INFO one`, `${head} ERROR two`])
  appendFileSync(log, ', and more\nlast\n')
  await expect.poll(() => end.messages.slice(2)).toEqual([', and more', 'last'])
  expect(end.events.map(({ severity }) => severity).slice(0, 2)).toEqual([9, 17])
  expect(end.events.map(({ attributes }) => attributes.get('line.part'))).toEqual([
    undefined,
    undefined,
    '2',
    undefined,
  ])
})

const packed = gzipSync('one\ntwo\n')
/** Of 100 KB that do not compress well, cut off. */
const numbers = Array.from({ length: 20_000 }, (_, index) => `${(index * 7919) % 104_729}\n`).join('')

test.each<[string, Buffer, RegExp | null | undefined, number]>([
  ['of several members', Buffer.concat([packed, gzipSync('thr'), gzipSync('ee\n')]), null, 3],
  ['with a last line without its end', gzipSync('one\ntwo'), null, 2],
  ['with nothing in it', gzipSync(''), null, 0],
  ['of no bytes, which may be one that is begun', Buffer.alloc(0), undefined, 0],
  ['that is none', Buffer.from('plain\n'), /gzip/, 0],
  ['that is cut off', gzipSync(numbers).subarray(0, 30_000), /gzip/, 5000],
])('an archive %s', async (_name, bytes, error, linesMin) => {
  const { dir, end, start } = place()
  writeFileSync(join(dir, 'old.log.1.gz'), bytes)
  const source = await start({ patterns: [{ path: join(dir, '*.gz') }], limits: { archiveQuietMs: 0, retryMs: 20 } })
  const state = (): string | null | undefined => source.status().files[0]?.error
  if (error) await expect.poll(state).toMatch(error)
  else await expect.poll(state).toBe(error)
  await expect.poll(() => end.messages.length).toBeGreaterThanOrEqual(linesMin)
  if (!error) return expect(end.messages).toEqual(['one', 'two', 'three'].slice(0, linesMin))
  // What comes before the damage is there once, and the rest once it is whole.
  writeFileSync(join(dir, 'old.log.1.gz'), gzipSync(numbers))
  await expect.poll(() => end.messages.length).toBe(20_000)
  await expect.poll(state).toBeNull()
  expect(end.messages).toEqual(numbers.trim().split('\n'))
})

test('what is no file, or has no name, is told of and holds nothing up', async () => {
  const { dir, log, end, start } = place()
  execFileSync('mkfifo', [join(dir, 'pipe.log')])
  mkdirSync(join(dir, 'folder.log'))
  symlinkSync('round.log', join(dir, 'round.log'))
  symlinkSync('nowhere', join(dir, 'nowhere.log'))
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/bad`), Buffer.from([0xff]), Buffer.from('.log')]), 'lost\n')
  writeFileSync(join(dir, 'new\nline.log'), 'one\n')
  writeFileSync(log, 'two\n')
  const source = await start({ patterns: [{ path: join(dir, '*.log') }, { path: join(dir, 'absent.txt') }] })
  await expect.poll(() => end.messages.toSorted()).toEqual(['one', 'two'])
  const { problems, unmatched } = source.status()
  expect(Object.fromEntries(problems.map(({ path, reason }) => [path.slice(dir.length + 1), reason]))).toEqual({
    'pipe.log': 'no regular file',
    'round.log': 'ELOOP',
    'bad\uFFFD.log': 'its name is not valid UTF-8',
  })
  expect(unmatched).toEqual([join(dir, 'absent.txt')])
})

test('a file of several names is read once, under its own one where it has that', async () => {
  const { dir, end, start } = place()
  mkdirSync(join(dir, 'pods'))
  writeFileSync(join(dir, 'pods/target.log'), 'one\n')
  writeFileSync(join(dir, 'hard.log'), 'two\n')
  linkSync(join(dir, 'hard.log'), join(dir, 'hard-too.log'))
  symlinkSync('pods/target.log', join(dir, 'a.log'))
  symlinkSync('pods', join(dir, 'all'))
  const source = await start({ patterns: [{ path: join(dir, '**/*.log') }] })
  await source.caughtUp()
  expect(end.messages.toSorted()).toEqual(['one', 'two'])
  expect(source.status().files.map(({ path }) => path)).toContain(join(dir, 'pods/target.log'))
})

test('a link that leads elsewhere: the old file to its end, then the new one; a folder that goes and comes again', async () => {
  const { dir, end, start } = place()
  mkdirSync(join(dir, 'elsewhere'))
  for (const name of ['old', 'new']) writeFileSync(join(dir, 'elsewhere', name), `${name} 1\n`)
  symlinkSync('elsewhere/old', join(dir, 'now.log'))
  mkdirSync(join(dir, 'sub'))
  writeFileSync(join(dir, 'sub/a.log'), 'sub 1\n')
  await start({ patterns: [{ path: join(dir, '**/*.log') }] })
  await expect.poll(() => end.messages.toSorted()).toEqual(['old 1', 'sub 1'])
  symlinkSync('elsewhere/new', join(dir, 'now.tmp'))
  renameSync(join(dir, 'now.tmp'), join(dir, 'now.log'))
  appendFileSync(join(dir, 'elsewhere/old'), 'old 2\n')
  rmSync(join(dir, 'sub'), { recursive: true })
  mkdirSync(join(dir, 'sub'))
  writeFileSync(join(dir, 'sub/a.log'), 'sub 2\n')
  await expect.poll(() => end.messages.toSorted()).toEqual(['new 1', 'old 1', 'old 2', 'sub 1', 'sub 2'])
})

test('folders in which Tailrace keeps its own files are left alone', async () => {
  const { dir, log, end, start } = place()
  for (const [folder, name] of [
    ['server', 'node.json'],
    ['agent', 'agent.json'],
    ['other', 'package.json'],
  ] as const) {
    mkdirSync(join(dir, folder, 'store'), { recursive: true })
    writeFileSync(join(dir, folder, 'lock'), '')
    writeFileSync(join(dir, folder, name), '')
    writeFileSync(join(dir, folder, 'store/engine.log'), `of ${folder}\n`)
  }
  writeFileSync(log, 'mine\n')
  const source = await start({ patterns: [{ path: join(dir, '**/*') }] })
  await source.caughtUp()
  writeFileSync(join(dir, 'server/new.log'), 'new\n')
  appendFileSync(log, 'more\n')
  await expect.poll(() => end.messages.toSorted()).toEqual(['mine', 'more', 'of other'])
})

/** Whether this process has the file open. */
function isOpen(path: string): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      // Closed meanwhile.
      return false
    }
  })
}

test.runIf(process.platform === 'linux')('files that are gone or renamed before it was their turn', async () => {
  const { dir, log, end, start } = place()
  writeFileSync(log, 'one\n')
  let isHeld = false
  let go: (() => void) | undefined
  const stat: typeof SOURCE_IO.stat = async (path) => {
    if (isHeld && path === log) await new Promise<void>((resolve) => (go = resolve))
    return SOURCE_IO.stat(path)
  }
  const source = await start({ io: { ...SOURCE_IO, stat }, limits: { rescanMs: 60_000 } })
  await expect.poll(() => end.messages).toEqual(['one'])
  isHeld = true
  renameSync(log, join(dir, 'moved'))
  await expect.poll(() => go).toBeDefined()
  for (const name of ['gone', 'rotated', 'empty']) {
    const path = join(dir, `${name}.log`)
    writeFileSync(path, name === 'empty' ? '' : `${name}\n`)
    await expect.poll(() => isOpen(path)).toBe(true)
    if (name === 'rotated') renameSync(path, `${path}.1`)
    else rmSync(path)
  }
  isHeld = false
  go?.()
  await expect.poll(() => end.messages.toSorted()).toEqual(['gone', 'one', 'rotated'])
  await expect.poll(() => isOpen(join(dir, 'empty.log (deleted)'))).toBe(false)
  await expect.poll(() => source.status().files.map(({ state }) => state)).not.toContain('live')
})
