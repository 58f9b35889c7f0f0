import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSettling, watchFiles, type FileWatchTimes } from './file-watch.ts'

let dir: string
let changes: number
let unwatch: (() => void) | undefined
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tailrace-watch-'))
  changes = 0
})
afterEach(() => {
  unwatch?.()
  rmSync(dir, { recursive: true, force: true })
})

const NEVER_MS = 3_600_000
const TOLD: FileWatchTimes = { settleMs: 20, pollMs: NEVER_MS }
const POLLED: FileWatchTimes = { settleMs: 20, pollMs: 30 }

async function watch(paths: readonly string[], times: FileWatchTimes): Promise<void> {
  unwatch = await watchFiles(paths, () => changes++, times)
}

test('a file that is written, replaced, removed and made again', async () => {
  const path = join(dir, 'cert.pem')
  writeFileSync(path, 'one')
  await watch([path], TOLD)
  writeFileSync(path, 'two')
  await expect.poll(() => changes).toBe(1)
  writeFileSync(`${path}.new`, 'three')
  renameSync(`${path}.new`, path)
  await expect.poll(() => changes).toBe(2)
  rmSync(path)
  await expect.poll(() => changes).toBe(3)
  writeFileSync(path, 'four')
  await expect.poll(() => changes).toBe(4)
})

test('what only looks like a change is none', async () => {
  const [path, marker] = [join(dir, 'cert.pem'), join(dir, 'marker.pem')]
  writeFileSync(path, 'one')
  await watch([path], TOLD)
  let isMarked = false
  const unmark = await watchFiles([marker], () => (isMarked = true), TOLD)
  writeFileSync(path, 'one')
  writeFileSync(join(dir, 'neighbour'), 'x')
  // Takes as long to be seen as a change of the other would.
  writeFileSync(marker, 'two')
  await expect.poll(() => isMarked).toBe(true)
  unmark()
  expect(changes).toBe(0)
})

test.each<[seen: string, verdicts: string[]]>([
  ['aa', ['unchanged', 'unchanged']],
  ['bbb', ['unsettled', 'changed', 'unchanged']],
  ['bcdd', ['unsettled', 'unsettled', 'unsettled', 'changed']],
  ['baa', ['unsettled', 'unsettled', 'unchanged']],
  ['bbaa', ['unsettled', 'changed', 'unsettled', 'changed']],
])('seen one after the other: %s', (seen, verdicts) => {
  const judge = createSettling('a')
  expect(seen.split('').map((state) => judge(state))).toEqual(verdicts)
})

test('a folder that is swapped by its link, as Kubernetes does', async () => {
  for (const version of ['1', '2']) {
    mkdirSync(join(dir, `..${version}`))
    writeFileSync(join(dir, `..${version}`, 'tls.crt'), version)
  }
  symlinkSync('..1', join(dir, '..data'))
  symlinkSync('..data/tls.crt', join(dir, 'tls.crt'))
  await watch([join(dir, 'tls.crt')], TOLD)
  symlinkSync('..2', join(dir, '..data_tmp'))
  renameSync(join(dir, '..data_tmp'), join(dir, '..data'))
  await expect.poll(() => changes).toBe(1)
})

test('a link whose target changes elsewhere is seen by looking', async () => {
  mkdirSync(join(dir, 'shown'))
  writeFileSync(join(dir, 'elsewhere'), 'one')
  symlinkSync('../elsewhere', join(dir, 'shown', 'cert.pem'))
  await watch([join(dir, 'shown', 'cert.pem')], POLLED)
  writeFileSync(join(dir, 'elsewhere'), 'two')
  await expect.poll(() => changes).toBe(1)
})

test('a folder that does not exist yet', async () => {
  const folder = join(dir, 'later')
  await watch([join(folder, 'cert.pem')], POLLED)
  mkdirSync(folder)
  writeFileSync(join(folder, 'cert.pem'), 'one')
  await expect.poll(() => changes).toBe(1)
})
