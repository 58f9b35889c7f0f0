/**
 * A process that writes a large batch and then a small one, for running under a limit of the file size that only the
 * large one exceeds. Prints what became of the writes as JSON. Argument: the spool folder.
 */
import { readdirSync } from 'node:fs'
import { Counters } from '../../core/counters.ts'
import { AppError } from '../../core/errors.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { openSpool } from '../spool.ts'
import { RowMaker } from './rows.ts'

const dir = process.argv[2] ?? ''
const spool = await openSpool({
  dir,
  node: 'test',
  store: { load: () => Promise.reject(new AppError('STORE_UNREACHABLE')) },
  counters: new Counters(),
  logger: SILENT_LOGGER,
})
const maker = new RowMaker()
const outcomes: string[] = []
for (const [name, padding] of [
  ['before', 10],
  ['large', 500_000],
  ['after', 10],
] as const) {
  await spool.write(maker.batch([name], padding)).then(
    () => outcomes.push('kept'),
    (error: unknown) => outcomes.push(error instanceof AppError ? `${error.code}: ${error.detail}` : String(error)),
  )
}
await spool.close()
const temporary = readdirSync(dir).filter((name) => name.endsWith('.tmp')).length
process.stdout.write(JSON.stringify({ outcomes, temporary }))
