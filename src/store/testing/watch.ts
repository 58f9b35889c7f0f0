import { setTimeout as delay } from 'node:timers/promises'
import type { EmbeddedStore } from '../embedded.ts'

const DEADLINE_MS = 60_000

/** Waits until `isTrue` says so; throws after a minute, naming what was waited for. */
export async function until(what: string, isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await delay(20)
  }
}

/** Queries whose text contains `mark` and that the engine is running as the reader. */
async function runningQueries(store: EmbeddedStore, mark: string): Promise<number> {
  const rows = await store.inspect<{ n: string }>({
    sql: "SELECT count() AS n FROM system.processes WHERE user = 'reader' AND position(query, {mark:String}) > 0",
    params: { mark },
  })
  return Number(rows[0]?.n)
}

export async function untilRunning(store: EmbeddedStore, mark: string): Promise<void> {
  await until(`"${mark}" runs`, async () => (await runningQueries(store, mark)) > 0)
}

export async function untilStopped(store: EmbeddedStore, mark: string): Promise<void> {
  await until(`"${mark}" has stopped`, async () => (await runningQueries(store, mark)) === 0)
}
