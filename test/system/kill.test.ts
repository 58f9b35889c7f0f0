import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { settled } from './harness/http.ts'
import { FAULTLESS, Ledger, Target } from './harness/ledger.ts'
import { signal } from './harness/processes.ts'
import { seededRandom } from '../../src/core/testing/seeded-random.ts'
import { byExtent, SEED } from './harness/random.ts'
import { spawnServer, startServer, temporaryFolder, type TestServer } from './harness/server.ts'

const ROUNDS = byExtent({ short: 8, normal: 30, long: 150 })
/** Longest time between a start and the kill. */
const LIFE_MS_MAX = 500

/**
 * A round: the engine is killed at some moment, then the server at some moment (the engine may run again by then, be
 * starting, or die in the same instant); in one of four rounds the next server is killed while it starts.
 */
test(
  `${ROUNDS} engines and more servers killed under load: nothing acknowledged is lost, nothing is there twice`,
  async () => {
    const random = seededRandom(SEED)
    const dataDir = temporaryFolder()
    const target = new Target()
    const ledger = new Ledger({ target, seed: SEED })
    const moment = (): Promise<void> => delay(random() * LIFE_MS_MAX)
    const kills = { server: 0, engine: 0 }

    const killEngine = async (server: TestServer): Promise<void> => {
      if (signal(await server.engine(), 'SIGKILL')) kills.engine++
    }
    const killServer = async (server: TestServer): Promise<void> => {
      target.down()
      await server.kill9()
      kills.server++
    }

    let server = await startServer({ dataDir })
    target.up(server.url)
    ledger.start()
    for (let round = 0; round < ROUNDS; round++) {
      await moment()
      await killEngine(server)
      if (random() < 0.75) await moment()
      await killServer(server)
      if (random() < 0.25) {
        const starting = spawnServer({ dataDir })
        await moment()
        await killServer(starting)
      }
      server = await startServer({ dataDir })
      target.up(server.url)
    }
    await ledger.progress(100)
    await ledger.stop()
    const figures = await settled(server.url)
    expect(await ledger.check(server.url)).toEqual(FAULTLESS)

    expect(kills.engine + kills.server).toBeGreaterThanOrEqual(2 * ROUNDS)
    expect(ledger.acknowledged).toBeGreaterThan(ROUNDS * 50)
    expect(figures.quarantinedFiles).toBe(0)
    expect([...ledger.refused.keys()]).toEqual([])
    await server.stop()
  },
  60_000 + ROUNDS * 8000,
)
