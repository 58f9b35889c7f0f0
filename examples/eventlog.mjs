// Logs a few events and waits until the server has stored them.
//
//   npm start                                   in one terminal
//   node examples/eventlog.mjs                  in another
//   tailrace query 'service:examples/shop'      finds them
//
// In a project of your own the import is `tailrace/eventlog`, as here.
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEventLogger } from 'tailrace/eventlog'

const log = createEventLogger({
  url: process.env.TAILRACE_URL ?? 'http://127.0.0.1:7575',
  key: process.env.TAILRACE_KEY, // a key with role write, where the server has keys
  facility: 'examples/shop', // the unique name of this program
  dir: join(tmpdir(), 'tailrace-example'), // events on their way; several processes may share it
})

// The event is a fixed text; what varies is context.
log.info('order placed', { order: 'o-1', items: [{ sku: 'rope', count: 2 }], total: 59.8 })
try {
  throw new Error('insufficient funds', { cause: { code: 51 } })
} catch (err) {
  log.error('payment declined', { userId: 42, err })
}

// What was logged is safe already, also if this process were killed now. Waiting is for those who want to see it.
const isStored = await log.flush(10_000)
console.log(isStored ? 'stored' : `not stored yet: ${log.stats().sender?.trouble ?? 'no sender'}`)
log.close()
