/** The sender as a process of its own: `node sender-main.js <folder>`, the server in TAILRACE_ variables. */
import { readFileSync } from 'node:fs'
import { openConnection } from '../connection.ts'
import { parseFingerprint } from '../tls.ts'
import { forwardFolder } from './forward.ts'

/** Nothing to send and nobody who logs. */
const IDLE_MS_MAX = 10_000

const [dir] = process.argv.slice(2)
const { TAILRACE_URL: url, TAILRACE_KEY: key, TAILRACE_CA: ca, TAILRACE_FINGERPRINT: fingerprint } = process.env
if (dir === undefined || url === undefined) process.exit(2)
const stopping = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort())
const connection = openConnection({
  url,
  key,
  tls: {
    ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
    ...(fingerprint === undefined ? {} : { fingerprint: parseFingerprint(fingerprint) }),
  },
})
await forwardFolder({ dir, connection, signal: stopping.signal, idleMsMax: IDLE_MS_MAX })
