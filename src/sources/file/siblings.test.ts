import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Siblings } from './siblings.ts'
import { SOURCE_IO, type SourceIo } from './source-io.ts'
import { place } from './testing/place.ts'

/** Whatever renaming left of the name before it is looked at. */
const GONE = Object.assign(new Error('no such file'), { code: 'ENOENT' })

function rotated(): { dir: string; log: string; age: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-siblings-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const log = join(dir, 'app.log')
  for (const name of [log, `${log}.1`, `${log}.2.gz`, join(dir, 'other.log')]) writeFileSync(name, '')
  mkdirSync(`${log}.3`)
  // As if nothing had changed for long.
  const age = (): void => utimesSync(dir, 1000, 1000)
  age()
  return { dir, log, age }
}

test('files of one log are found, and whether these are all of them', async () => {
  const { log } = rotated()
  const { siblings, isWhole } = await new Siblings(SOURCE_IO).all(log)
  expect(siblings.map(({ path }) => path)).toEqual([log, `${log}.1`, `${log}.2.gz`])
  expect(isWhole).toBe(true)
})

test.each<[string, (made: ReturnType<typeof rotated>) => Partial<SourceIo>]>([
  ['has another name by now', ({ log }) => ({ stat: (path) => (path === `${log}.1` ? lost() : SOURCE_IO.stat(path)) })],
  ['cannot be looked for', () => ({ list: () => Promise.reject(new Error('EACCES')) })],
  [
    'is renamed meanwhile',
    ({ log }) => ({
      stat(path) {
        if (path === log) renameSync(`${log}.1`, `${log}.4`)
        return SOURCE_IO.stat(path)
      },
    }),
  ],
])('not all of them are known when one %s', async (_what, ioOf) => {
  const made = rotated()
  const { isWhole } = await new Siblings({ ...SOURCE_IO, ...ioOf(made) }).all(made.log)
  expect(isWhole).toBe(false)
})

test('a rotated file that is not found while the names of others change is not read again', async () => {
  const { dir, log, end, start } = place()
  const hidden = new Set<string>()
  const io: SourceIo = { ...SOURCE_IO, stat: (path) => (hidden.has(path) ? lost() : SOURCE_IO.stat(path)) }
  // Whoever is gone is forgotten at once.
  await start({ io, limits: { ancestorsMax: 0, rotatedMs: 50 } })
  const rotate = async (line: string): Promise<void> => {
    renameSync(log, `${log}.1`)
    appendFileSync(log, `${line}\n`)
    await expect.poll(() => end.messages).toContain(line)
  }
  appendFileSync(log, 'first\n')
  await expect.poll(() => end.messages).toContain('first')
  await rotate('second')
  // It was let go, and the journal knows.
  await expect.poll(() => readFileSync(join(dir, '../state/files.journal'), 'utf8')).toMatch(/"ended":\[\d/)
  renameSync(`${log}.1`, `${log}.2`)
  hidden.add(`${log}.2`)
  await rotate('third')
  hidden.clear()
  renameSync(`${log}.2`, `${log}.3`)
  renameSync(`${log}.1`, `${log}.2`)
  await rotate('fourth')
  await rotate('fifth')
  expect(end.messages.toSorted()).toEqual(['fifth', 'first', 'fourth', 'second', 'third'])
})

function lost(): Promise<never> {
  return Promise.reject(GONE)
}
