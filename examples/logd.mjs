// Logging over logd's protocol: a program that writes, watches and asks. Run it against a server that was started with
//
//   LOGD_WRITE_SECRET=gold LOGD_READ_SECRET=bitcoin npm start
//
// in a clone that is built: node examples/logd.mjs
import { createLogger, query, tail } from 'tailrace/logd'

const server = { host: '127.0.0.1', port: Number(process.env.LOGD_PORT ?? 6102) }

// One logger for the process; `child` gives its parts keys of their own.
const log = createLogger({ ...server, key: '/example/shop', secret: 'gold', stdout: true })
const web = log.child('web')

// Watching needs the read secret. The loop goes on until the signal ends it; here after three messages.
const enough = new AbortController()
const watching = watch()

async function watch() {
  let count = 0
  const filters = { keyPrefix: '/example/shop', level: 'info' }
  for await (const item of tail({ ...server, secret: 'bitcoin', filters, signal: enough.signal })) {
    if (item.kind === 'notice') {
      console.log(`· ${item.notice}${item.hasGap ? ', messages may be missing' : ''}`)
      if (item.notice === 'watching') work()
      if (item.notice === 'unanswered') enough.abort()
    } else if (item.kind === 'message') {
      console.log(`· saw ${item.message.level}: ${item.message.text}`)
      if (++count === 3) enough.abort()
    }
  }
}

function work() {
  log.info('started with %d workers', 4)
  // What is known of a request has fields of its own; the rest stands behind the text.
  web.warn('slow', { method: 'GET', url: '/cart?id=7', status: 200, elapsedMs: 1830 })
  // An error's stack trace goes along, with its causes. What is too long for one packet is sent in numbered parts.
  log.error('the order was not saved', new Error('disk full'))
}

await watching

// What the server has in memory, newest first. A server that is not there is an error: nobody else would tell.
try {
  for await (const message of query({
    ...server,
    secret: 'bitcoin',
    query: { keyPrefix: '/example/shop', limit: 5 },
  })) {
    const time = new Date(Number((message.timeNs ?? 0n) / 1_000_000n)).toISOString()
    console.log(`${time} ${message.level} ${message.key} ${message.text}`)
  }
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}

// Nothing of this has to be awaited before the process ends: what is queued leaves, and the socket holds nobody up.
console.log(log.stats())
