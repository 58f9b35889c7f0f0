/**
 * A process that writes numbered rows into a spool as fast as it can, appends the names of acknowledged rows to a
 * ledger, and kills itself in the midst of it. Arguments: spool folder, store folder, ledger file, name of this life,
 * milliseconds to live.
 */
import { appendFileSync } from 'node:fs'
import { Counters } from '../../core/counters.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { openSpool } from '../spool.ts'
import { FolderTarget } from './folder-target.ts'
import { RowMaker } from './rows.ts'

const [dir = '', storeDir = '', ledger = '', life = '', lifeMs = ''] = process.argv.slice(2)
const spool = await openSpool({
  dir,
  node: 'test',
  store: new FolderTarget(storeDir),
  counters: new Counters(),
  logger: SILENT_LOGGER,
  limits: { flushDelayMs: 2, loadIntervalMs: 5, diskFreeBytesMin: 0 },
})
setTimeout(() => process.kill(process.pid, 'SIGKILL'), Number(lifeMs))
const maker = new RowMaker(BigInt(Date.now()) * 1_000_000n)

async function produce(producer: number): Promise<never> {
  for (let count = 0; ; count += 3) {
    const names = [0, 1, 2].map((row) => `${life}.${producer}.${count + row}`)
    const release = spool.hold()
    const written = spool.write(maker.batch(names, 300))
    release()
    await written
    appendFileSync(ledger, `${names.join('\n')}\n`)
  }
}

await Promise.all([produce(0), produce(1), produce(2), produce(3)])
