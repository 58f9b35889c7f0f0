import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { SOURCE_IO } from './source-io.ts'
import { place } from './testing/place.ts'

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join('')
const expected = (from: number, to: number): string[] => lines(from, to).trim().split('\n')

test('lines that are there and lines that come', async () => {
  const { log, end, start } = place()
  writeFileSync(log, lines(0, 1000))
  const source = await start()
  await source.caughtUp()
  expect(end.messages).toEqual(expected(0, 1000))
  appendFileSync(log, lines(1000, 1010))
  await expect.poll(() => end.messages.length).toBe(1010)
  expect(end.messages).toEqual(expected(0, 1010))
  expect(source.status().files).toMatchObject([{ path: log, behindBytes: 0 }])
})

test('a process that is killed goes on where the other end has it', async () => {
  const { log, end, start } = place()
  writeFileSync(log, lines(0, 100))
  const first = await start()
  await first.caughtUp()
  await first.kill()
  appendFileSync(log, lines(100, 200))
  const second = await start()
  await second.caughtUp()
  expect(end.messages).toEqual(expected(0, 200))
})

const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le')

test.each<[string, Buffer | string, string[]]>([
  ['lines that end with return and newline', 'one\r\ntwo\r\n', ['one', 'two']],
  ['a mark of UTF-8', '\uFEFFone\ntwo\n', ['one', 'two']],
  ['UTF-16, little-endian', utf16('\uFEFFeins\r\nzw\u00f6lf\n'), ['eins', 'zw\u00f6lf']],
  ['UTF-16, big-endian', utf16('\uFEFFeins\nzw\u00f6lf\n').swap16(), ['eins', 'zw\u00f6lf']],
  ['UTF-16 without a mark', utf16('eins\r\nzw\u00f6lf\n'), ['eins', 'zw\u00f6lf']],
  ['UTF-16 without a mark, big-endian', utf16('eins\n').swap16(), ['eins']],
  ['bytes that are no UTF-8', Buffer.from('one \xff.\ntwo\n', 'latin1'), ['one \uFFFD.', 'two']],
  ['zeros where a file was emptied under its writer', `${'\0'.repeat(5000)}one\ntwo\n`, ['one', 'two']],
  ['a hole in a line, which a crash has left', `cut off${'\0'.repeat(3000)}one\n`, ['cut off', 'one']],
  ['zeros that somebody has written', 'a\0b\nc\0\n', ['a\0b', 'c\0']],
  ['empty lines', 'one\n\n\ntwo\n', ['one', 'two']],
  [
    'a line over the limit, in parts',
    `${'x'.repeat(2500)}\nend\n`,
    ['x'.repeat(1024), 'x'.repeat(1024), 'x'.repeat(452), 'end'],
  ],
  ['a character at the border of two parts', `${'x'.repeat(1023)}\u00e9y\nend\n`, ['x'.repeat(1023), '\u00e9y', 'end']],
  ['a last line without its end', 'one\ntwo', ['one', 'two']],
  ['a last line that ends with return alone', 'one\r\ntwo\r', ['one', 'two']],
  ['one character', 'a\n', ['a']],
])('%s', async (_name, content, messages) => {
  const { log, end, start } = place()
  writeFileSync(log, content)
  const source = await start({ limits: { lineBytesMax: 1024, readBytes: 700 } })
  await expect.poll(() => end.messages).toEqual(messages)
  await expect.poll(() => source.status()).toMatchObject({ behindBytes: 0, problems: [] })
})

test('parts of a line are marked', async () => {
  const { log, end, start } = place()
  writeFileSync(log, `${'x'.repeat(2000)}\nend\n`)
  const source = await start({ limits: { lineBytesMax: 1024, readBytes: 700 } })
  await source.caughtUp()
  expect(end.events.map(({ attributes }) => attributes.get('line.part'))).toEqual(['1', '2', undefined])
})

test('a line that is completed later is one event', async () => {
  const { log, end, start } = place()
  writeFileSync(log, 'one\nbegun, ')
  await start({ limits: { partialMs: 60_000 } })
  await expect.poll(() => end.messages).toEqual(['one'])
  appendFileSync(log, 'and ended\n')
  await expect.poll(() => end.messages).toEqual(['one', 'begun, and ended'])
})

test('an archive is read once, also across a restart', async () => {
  const { dir, end, start } = place()
  const patterns = [{ path: join(dir, '*.gz') }]
  writeFileSync(join(dir, 'old.log.1.gz'), gzipSync(lines(0, 5000)))
  const first = await start({ patterns, limits: { archiveQuietMs: 0 } })
  await first.caughtUp()
  await first.kill()
  const second = await start({ patterns, limits: { archiveQuietMs: 0 } })
  await second.caughtUp()
  expect(end.messages).toEqual(expected(0, 5000))
})

test('folders that appear later, links to files, links that lead round in circles', async () => {
  const { dir, end, start } = place()
  await start({ patterns: [{ path: join(dir, 'apps/**/*.log') }] })
  mkdirSync(join(dir, 'apps/a/b'), { recursive: true })
  mkdirSync(join(dir, 'elsewhere'))
  writeFileSync(join(dir, 'elsewhere/target'), 'linked\n')
  symlinkSync(join(dir, 'elsewhere/target'), join(dir, 'apps/a/link.log'))
  symlinkSync(join(dir, 'apps'), join(dir, 'apps/a/b/round'))
  writeFileSync(join(dir, 'apps/a/b/deep.log'), 'deep\n')
  await expect.poll(() => end.messages.toSorted()).toEqual(['deep', 'linked'])
  appendFileSync(join(dir, 'elsewhere/target'), 'more\n')
  await expect.poll(() => end.messages.toSorted()).toEqual(['deep', 'linked', 'more'])
})

test('more files than may be open at once', async () => {
  const { dir, end, start } = place()
  for (let number = 0; number < 60; number++) writeFileSync(join(dir, `${number}.log`), `from ${number}\n`)
  const source = await start({ limits: { openFilesMax: 5 } })
  await source.caughtUp()
  for (let number = 0; number < 60; number++) appendFileSync(join(dir, `${number}.log`), `again ${number}\n`)
  await expect.poll(() => new Set(end.messages).size).toBe(120)
  expect(source.status().openFiles).toBeLessThanOrEqual(5 + 4)
  expect(end.messages).toHaveLength(120)
})

test('more lines held back than there is memory for', async () => {
  const { dir, end, start } = place()
  for (let number = 0; number < 60; number++) writeFileSync(join(dir, `${number}.log`), `from ${number}\n`)
  await start({ limits: { holdMs: 60_000, heldBytesMax: 200, deliveryFilesMax: 7 } })
  // What is left fits.
  await expect.poll(() => end.messages.length).toBeGreaterThan(60 - 200 / 'from 1\n'.length)
  expect(new Set(end.messages).size).toBe(end.messages.length)
  expect(end.messages.length).toBeLessThan(60)
})

test('a file that cannot be read is reported, and read once it can', async () => {
  const { log, end, start } = place()
  writeFileSync(log, 'one\n')
  let isDenied = true
  const open: typeof SOURCE_IO.open = (path) =>
    isDenied && path === log
      ? Promise.reject(Object.assign(new Error('denied'), { code: 'EACCES' }))
      : SOURCE_IO.open(path)
  const source = await start({ io: { ...SOURCE_IO, open }, limits: { retryMs: 20 } })
  await expect.poll(() => source.status().files).toMatchObject([{ path: log, error: 'EACCES' }])
  isDenied = false
  await expect.poll(() => end.messages).toEqual(['one'])
  await expect.poll(() => source.status().files).toMatchObject([{ error: null }])
})

test('while nothing is taken, reading stops', async () => {
  const { log, end, start } = place()
  const held: (() => void)[] = []
  end.onDeliver = () => new Promise<void>((resolve) => held.push(resolve))
  writeFileSync(log, lines(0, 200_000))
  const source = await start({ limits: { deliveryBytes: 64 * 1024 } })
  await expect.poll(() => source.status().readBytes).toBeGreaterThan(0)
  expect(source.status().readBytes).toBeLessThan(1024 * 1024)
  end.onDeliver = () => undefined
  for (const go of held) go()
  await source.caughtUp()
  expect(end.messages).toHaveLength(200_000)
})
