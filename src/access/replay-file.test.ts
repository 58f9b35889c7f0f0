import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { SILENT_LOGGER, type Logger } from '../core/logger.ts'
import { keepReplays, readReplays } from './replay-file.ts'
import { ReplayWindow } from './replays.ts'
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

test('signatures that are ahead are saved while the server runs, for when it is killed', async () => {
  const dir = await temporaryFolder()
  const window = new ReplayWindow({ skewMs: 60_000, signaturesMax: 10, startMs: 0 })
  const close = keepReplays(window, { dir, clock: () => NOW_MS, logger: SILENT_LOGGER })
  const admit = (signature: string, aheadMs: number) => window.admit(signature, NOW_MS + aheadMs, NOW_MS)
  const saved = async () => (await readReplays({ dir, logger: SILENT_LOGGER })).map(({ signature }) => signature)
  admit('\u00ff\u0000far', 50_000)
  await vi.waitFor(async () => expect(await saved()).toEqual(['\u00ff\u0000far']), SOON)
  admit('behind', -20_000)
  admit('less far', 20_000)
  await vi.waitFor(async () => expect(new Set(await saved())).toEqual(new Set(['\u00ff\u0000far', 'less far'])), SOON)
  await close()
})

test('a file that cannot be read is said, and does not stop the start', async () => {
  const dir = await temporaryFolder()
  await writeFile(join(dir, 'signatures.json'), '{"format":1')
  const warn = vi.fn<Logger['warn']>()
  await testAccess({ dir, logger: { ...SILENT_LOGGER, warn } })
  expect(warn).toHaveBeenCalledOnce()
})
