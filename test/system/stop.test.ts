import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { settled } from './harness/http.ts'
import { FAULTLESS, Ledger, Target } from './harness/ledger.ts'
import { isAlive } from './harness/processes.ts'
import { seededRandom } from '../../src/core/testing/seeded-random.ts'
import { SEED } from './harness/random.ts'
import { startServer, temporaryFolder } from './harness/server.ts'
import { openTail } from './harness/tail.ts'

const ROUNDS = 5

test('stopped under load: exit 0, the engine ends too, nothing acknowledged is lost', async () => {
  const random = seededRandom(SEED)
  const dataDir = temporaryFolder()
  const target = new Target()
  const ledger = new Ledger({ target, seed: SEED })
  for (let round = 0; round < ROUNDS; round++) {
    const server = await startServer({ dataDir })
    target.up(server.url)
    if (round === 0) ledger.start()
    await ledger.progress(100)
    await delay(random() * 200)
    const engine = await server.engine()
    // An open tail must not hold up the end.
    await openTail(server.url, 'service:ledger-0')
    target.down()
    await server.stop(round % 2 === 0 ? 'SIGTERM' : 'SIGINT')
    expect(isAlive(engine)).toBe(false)
    expect(server.stdout.trimEnd().split('\n')).toHaveLength(1)
  }
  const server = await startServer({ dataDir })
  target.up(server.url)
  await ledger.progress(100)
  await ledger.stop()
  await settled(server.url)
  expect(await ledger.check(server.url)).toEqual(FAULTLESS)
  expect([...ledger.refused.keys()].filter((code) => code !== 'SERVER_CLOSING')).toEqual([])
  await server.stop()
})
