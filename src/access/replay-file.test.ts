import { appendFile, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { SILENT_LOGGER, type Logger } from '../core/logger.ts'
import { ReplayFile } from './replay-file.ts'
import { type ReceivedSignature, ReplayWindow } from './replays.ts'
import { refusal, signed, temporaryFolder, testAccess } from './testing/temporary-access.ts'

const NOW_MS = 1_800_000_000_000
const SOON = { timeout: 5000, interval: 10 }

test('a restart forgets no signature, whatever the clock of the sender', async () => {
  const clock = { nowMs: NOW_MS - 3_600_000 }
  const first = await testAccess({ clock: () => clock.nowMs })
  const text = await first.key({ role: 'write' })
  clock.nowMs = NOW_MS
  const received = [-300_000, -1, 0, 1, 500, 60_000, 300_000].map((aheadMs) => signed(text, NOW_MS + aheadMs))
  for (const request of received) first.access.identify(request)
  await first.access.close()
  clock.nowMs += 1
  const second = await testAccess({ dir: first.dir, clock: () => clock.nowMs })
  for (const request of received) {
    expect(refusal(() => second.access.identify(request)).code).toBe('SIGNATURE_REFUSED')
  }
  // Fresh ones of the same times are not kept off.
  expect(second.access.identify(signed(text, NOW_MS + 500, { body: 'b' })).principal.by).toBe('signature')
  await second.access.close()
  clock.nowMs += 250_000
  const third = await testAccess({ dir: first.dir, clock: () => clock.nowMs })
  for (const request of received) expect(refusal(() => third.access.identify(request)).code).toBe('SIGNATURE_REFUSED')
  clock.nowMs += 400_000
  await third.access.close()
  await expect(readFile(join(first.dir, 'signatures.json'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('nor does one after the process was killed', async () => {
  const clock = { nowMs: NOW_MS - 3_600_000 }
  const first = await testAccess({ clock: () => clock.nowMs })
  const text = await first.key({ role: 'write' })
  clock.nowMs = NOW_MS
  const received = [1, 500, 60_000, 300_000].map((aheadMs) => signed(text, NOW_MS + aheadMs))
  for (const request of received.slice(1)) first.access.identify(request)
  const restart = () => testAccess({ dir: first.dir, clock: () => clock.nowMs })
  // None of them is closed.
  const second = await restart()
  second.access.identify(received[0] ?? signed(text, 0))
  for (const { access } of [second, await restart(), await restart()]) {
    for (const request of received) expect(refusal(() => access.identify(request)).code).toBe('SIGNATURE_REFUSED')
  }
})

const folder = (dir: string) => readdir(dir).then((names) => names.filter((name) => name.startsWith('signatures')))

async function openFile(dir: string, logBytes?: number, signaturesMax = 1000) {
  const options = { dir, clock: () => NOW_MS, logger: SILENT_LOGGER, ...(logBytes === undefined ? {} : { logBytes }) }
  const file = new ReplayFile(options)
  const known = await file.read()
  const onAhead = (received: ReceivedSignature) => file.append(received)
  const window = new ReplayWindow({ skewMs: 60_000, signaturesMax, startMs: NOW_MS, known, onAhead })
  await file.keep(window)
  const admit = (signature: string, aheadMs: number) => window.admit(signature, NOW_MS + aheadMs, NOW_MS)
  return { file, window, admit }
}

test('only what is ahead is written, once, and a log that grows is put into one file', async () => {
  const dir = await temporaryFolder()
  const { file, admit } = await openFile(dir, 600)
  for (const aheadMs of [0, 0, -1]) admit('behind', aheadMs)
  expect(await folder(dir)).toEqual([])
  admit('\u00ff\u0000far', 50_000)
  admit('\u00ff\u0000far', 50_000)
  expect(await readFile(join(dir, 'signatures-1.log'), 'utf8')).toMatch(/^\n\d+ \S+\n$/)
  for (let index = 0; index < 200; index++) admit(`ahead ${index}`, 1 + index)
  await vi.waitFor(async () => expect(await folder(dir)).toEqual(['signatures-2.log', 'signatures.json']), SOON)
  const again = await openFile(dir)
  for (let index = 0; index < 200; index++) expect(again.admit(`ahead ${index}`, 1 + index)).toBe('replayed')
  expect(again.admit('\u00ff\u0000far', 50_000)).toBe('replayed')
  expect(await folder(dir)).toEqual(['signatures.json'])
  await file.close()
  await again.file.close()
})

test('half a line costs no other one, and what cannot be saved is not let in', async () => {
  const dir = await temporaryFolder()
  const { admit } = await openFile(dir)
  admit('one', 1000)
  await appendFile(join(dir, 'signatures-1.log'), '\n18000000')
  admit('two', 2000)
  const again = await openFile(dir)
  expect([again.admit('one', 1000), again.admit('two', 2000)]).toEqual(['replayed', 'replayed'])
  await mkdir(join(dir, 'signatures-2.log'))
  expect(() => again.admit('three', 3000)).toThrow(expect.objectContaining({ code: 'KEYS_WRITE_FAILED' }))
  await rmdir(join(dir, 'signatures-2.log'))
  expect([again.admit('three', 3000), again.admit('three', 3000)]).toEqual(['fresh', 'replayed'])
})

test('a log is bounded: nothing ahead is let in until it has been put into the file', async () => {
  const { file, admit } = await openFile(await temporaryFolder(), 40)
  const burst = () => {
    for (let index = 0; index < 100; index++) admit(`ahead ${index} ${Math.random()}`, 1 + index)
  }
  expect(burst).toThrow(expect.objectContaining({ code: 'KEYS_WRITE_FAILED' }))
  expect(admit('now', 0)).toBe('fresh')
  await vi.waitFor(() => expect(admit('later', 1)).toBe('fresh'), SOON)
  await file.close()
})

test('a file that cannot be read is said, and does not stop the start', async () => {
  const dir = await temporaryFolder()
  await writeFile(join(dir, 'signatures.json'), '{"format":1')
  const warn = vi.fn<Logger['warn']>()
  await testAccess({ dir, logger: { ...SILENT_LOGGER, warn } })
  expect(warn).toHaveBeenCalledOnce()
})

test('a folder that is not there has none, and is no reason for a word', async () => {
  const warn = vi.fn<Logger['warn']>()
  const dir = join(await temporaryFolder(), 'absent')
  const file = new ReplayFile({ dir, clock: () => NOW_MS, logger: { ...SILENT_LOGGER, warn } })
  expect(await file.read()).toEqual([])
  expect(warn).not.toHaveBeenCalled()
})
