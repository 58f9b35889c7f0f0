/**
 * Applications that log with `tailrace/eventlog` while everything around them fails: each event arrives once, and those
 * of a process in order.
 */
import { expect, test } from 'vitest'
import { checkLedger, EventApplication, KEPT, progress, senderOf } from './harness/event-application.ts'
import { count } from './harness/http.ts'
import { byExtent } from './harness/random.ts'
import { startServer, temporaryFolder } from './harness/server.ts'
import { until } from './harness/wait.ts'

/** An application logs up to 1,000 events a second. */
const WHILE_AWAY = byExtent({ short: 300, normal: 1000, long: 60_000 })
const SENDER_DEATHS = byExtent({ short: 1, normal: 2, long: 20 })
const TEST_MS_MAX = byExtent({ short: 180_000, normal: 180_000, long: 600_000 })
const MINUTE_MS = 60_000
const DAY_MS = 1440 * MINUTE_MS

/** Ends the sender, which would wait for a while whether somebody logs. */
function endSender(dir: string): void {
  process.kill(senderOf(dir), 'SIGTERM')
}

async function killSender(dir: string, applications: readonly EventApplication[]): Promise<void> {
  const pid = await until('a sender runs', () => senderOf(dir))
  process.kill(pid, 'SIGKILL')
  await progress(applications, 100)
  await until('another sender runs', () => senderOf(dir) !== pid)
}

test(
  'the server dies under load and stays away; two processes share the folder',
  { timeout: TEST_MS_MAX },
  async () => {
    const dir = temporaryFolder()
    const dataDir = temporaryFolder()
    let server = await startServer({ dataDir })
    const { port } = new URL(server.url)
    const applications = ['one', 'two'].map((facility) => new EventApplication(dir, server.url, facility))
    await progress(applications, 200)
    await server.kill9()
    await progress(applications, WHILE_AWAY)
    server = await startServer({ dataDir, flags: { port } })
    // Once more, while it works off what has gathered.
    const before = await count(server.url, 'service:one')
    await until('something is taken again', async () => (await count(server.url, 'service:one')) > before)
    await server.kill9()
    server = await startServer({ dataDir, flags: { port } })
    await progress(applications, 100)
    for (const application of applications) await application.end('SIGTERM')
    expect(await checkLedger(dir, server.url, applications)).toEqual(KEPT)
    endSender(dir)
  },
)

test(
  'the sender is killed again and again; applications are killed, stopped, or die of an exception',
  { timeout: TEST_MS_MAX },
  async () => {
    const dir = temporaryFolder()
    const server = await startServer()
    const ends = { killed: 'SIGKILL', stopped: 'SIGTERM', uncaught: 'SIGUSR2' } as const
    const applications = Object.keys(ends).map((facility) => new EventApplication(dir, server.url, facility))
    await progress(applications, 100)
    for (let death = 0; death < SENDER_DEATHS; death++) {
      await killSender(dir, applications)
    }
    for (const [index, signal] of Object.values(ends).entries()) await applications[index]?.end(signal)
    expect(await checkLedger(dir, server.url, applications)).toEqual(KEPT)
    endSender(dir)
  },
)

test('the clock jumps: by seconds, days and years, forward and back, before and after the sender is killed', async () => {
  const dir = temporaryFolder()
  const server = await startServer()
  const jumping = new EventApplication(dir, server.url, 'jumping')
  const steady = new EventApplication(dir, server.url, 'steady')
  const both = [jumping, steady]
  await progress(both, 50)
  const jumps = [5 * MINUTE_MS, -MINUTE_MS, DAY_MS, 0, -365 * DAY_MS, 20_000 * DAY_MS, -30_000 * DAY_MS, 0]
  for (const [index, aheadMs] of jumps.entries()) {
    jumping.setClock(aheadMs)
    await progress(both, 50)
    if (index === 2) await killSender(dir, both)
  }
  for (const application of both) await application.end('SIGTERM')
  expect(await checkLedger(dir, server.url, both)).toEqual(KEPT)
  // What its clock said is there still.
  expect(await count(server.url, 'service:jumping clock.skewed:*')).toBeGreaterThan(100)
  expect(await count(server.url, 'service:jumping clock.set_back:1970*')).toBeGreaterThan(0)
  expect(await count(server.url, 'service:steady (clock.skewed:* or clock.set_back:*)')).toBe(0)
  endSender(dir)
})
