/**
 * Seeded log events as NDJSON bodies, and what a store that holds them must answer. The same seed and end time give the
 * same bytes. Event i of n is stamped (n - i) steps before `endMs`, spread over one hour.
 */

export const SERVICES = ['checkout', 'billing', 'search', 'auth', 'inventory', 'mailer', 'gateway', 'frontend'] as const
export const HOSTS = 50
const SPREAD_MS = 3_600_000
/** One event in this many bears a rare word. */
const RARE_EVERY = 100_003
const LEVEL_OF_20 = [...Array<string>(14).fill('info'), 'debug', 'debug', 'debug', 'warn', 'warn', 'error']
const STATUS_OF_10 = [200, 200, 200, 200, 200, 201, 201, 304, 404, 500]

export interface GenerateOptions {
  events: number
  seed: number
  /** Timestamp of the newest event, ms since 1970. */
  endMs: number
  /** A body ends with the first event that makes it at least this large. */
  bodyBytes: number
}

/** What the queries of the benchmark must find. */
export interface Expected {
  events: number
  bytes: number
  byLevel: Record<string, number>
  byStatus: Record<string, number>
  /** Service → mean of duration_ms. */
  averageByService: Record<string, number>
  /** Different pairs of minute and level. */
  minuteLevels: number
  reset: number
  phrase: number
  regex: number
  rare: number
  /** A trace id that one event has. */
  traceId: string
  userId: string
  ofUser: number
  slow: number
  checkoutErrors: number
  newestTimestamp: string
  newestCheckoutErrorTimestamp: string
}

/** What `phrase`, `regex` and `slow` of `Expected` count. */
export const PHRASE = 'loading from database took 42 ms'
export const REGEX = 'upstream-[0-9]+:8443 after 1[0-9]{2} ms'
export const SLOW_MS = 1900
export const RARE_WORD = 'quixotic'

/** mulberry32: small, fast, good enough for log lines; 0 ≤ value < 2^32. */
function randomSource(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

const hex8 = (value: number): string => value.toString(16).padStart(8, '0')

/** One of six templates, with its numbers. */
function messageText(template: number, a: number, b: number, durationMs: number): string {
  switch (template) {
    case 0:
      return `user ${a % 100_000} logged in from 10.${a & 255}.${b & 255}.${(a ^ b) & 255}`
    case 1:
      return `GET /api/v2/orders/${b % 1_000_000} completed in ${durationMs} ms`
    case 2:
      return `Connection reset by peer while talking to upstream-${a % 16}:8443 after ${durationMs} ms`
    case 3:
      return `payment ${b % 10_000_000} authorised for customer ${a % 100_000}, amount ${a % 500}.${10 + (b % 90)} EUR`
    case 4:
      return `cache miss for key session:${hex8(b)}, loading from database took ${durationMs} ms`
    default:
      return `Slow query on table orders: ${durationMs} ms, ${a % 50_000} rows examined`
  }
}

export function generate(options: GenerateOptions): { bodies: Buffer[]; expected: Expected } {
  const { events, endMs, bodyBytes } = options
  const random = randomSource(options.seed)
  const tally = new Tally()
  const bodies: Buffer[] = []
  let lines: string[] = []
  let linesBytes = 0
  const flush = (): void => {
    if (lines.length > 0) bodies.push(Buffer.from(lines.join(''), 'latin1'))
    lines = []
    linesBytes = 0
  }
  for (let i = 0; i < events; i++) {
    const [a, b, c, d] = [random(), random(), random(), random()]
    const durationMs = Math.floor(((c >>> 8) / 0x1000000) ** 3 * 2000)
    const template = a % 6
    const rare = i % RARE_EVERY === 77 ? ` ${RARE_WORD}` : ''
    const event = {
      timestamp: new Date(endMs - Math.floor(((events - 1 - i) * SPREAD_MS) / events)).toISOString(),
      host: `web-${String(b % HOSTS).padStart(2, '0')}.example.net`,
      service: SERVICES[c & 7] ?? '',
      level: LEVEL_OF_20[(c >>> 3) % 20] ?? '',
      message: messageText(template, a >>> 3, b >>> 6, durationMs) + rare,
      trace_id: hex8(a) + hex8(b) + hex8(c) + hex8(d),
      user_id: `u${(a >>> 5) % 20_000}`,
      status: STATUS_OF_10[(b >>> 8) % 10] ?? 0,
      duration_ms: durationMs,
    }
    tally.add(event, template)
    const line = `${JSON.stringify(event)}\n`
    lines.push(line)
    linesBytes += line.length
    if (linesBytes >= bodyBytes) flush()
  }
  flush()
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0)
  return { bodies, expected: tally.expected(events, bytes) }
}

interface Generated {
  timestamp: string
  service: string
  level: string
  message: string
  trace_id: string
  user_id: string
  status: number
  duration_ms: number
}

/** Counts while the events are made, by plain JavaScript: independent of the server's query language. */
class Tally {
  readonly #byLevel: Record<string, number> = {}
  readonly #byStatus: Record<string, number> = {}
  readonly #durations: Record<string, { sum: number; count: number }> = {}
  readonly #minuteLevels = new Set<string>()
  readonly #regex = new RegExp(REGEX)
  readonly #counts = { reset: 0, phrase: 0, regex: 0, rare: 0, ofUser: 0, slow: 0, checkoutErrors: 0 }
  #first: Generated | undefined
  #last: Generated | undefined
  #lastCheckoutError: Generated | undefined

  add(event: Generated, template: number): void {
    const { message, level, service } = event
    this.#first ??= event
    this.#last = event
    this.#byLevel[level] = (this.#byLevel[level] ?? 0) + 1
    this.#byStatus[event.status] = (this.#byStatus[event.status] ?? 0) + 1
    const durations = (this.#durations[service] ??= { sum: 0, count: 0 })
    durations.sum += event.duration_ms
    durations.count++
    this.#minuteLevels.add(event.timestamp.slice(0, 16) + level)
    const counts = this.#counts
    if (template === 2) counts.reset++
    if (template === 4 && message.includes(PHRASE)) counts.phrase++
    if (template === 2 && this.#regex.test(message)) counts.regex++
    if (message.endsWith(RARE_WORD)) counts.rare++
    if (event.user_id === this.#first.user_id) counts.ofUser++
    if (event.duration_ms > SLOW_MS) counts.slow++
    if (service === 'checkout' && level === 'error') {
      counts.checkoutErrors++
      this.#lastCheckoutError = event
    }
  }

  expected(events: number, bytes: number): Expected {
    const averages = Object.entries(this.#durations).map(([service, { sum, count }]) => [service, sum / count])
    return {
      events,
      bytes,
      byLevel: this.#byLevel,
      byStatus: this.#byStatus,
      averageByService: Object.fromEntries(averages),
      minuteLevels: this.#minuteLevels.size,
      ...this.#counts,
      traceId: this.#first?.trace_id ?? '',
      userId: this.#first?.user_id ?? '',
      newestTimestamp: this.#last?.timestamp ?? '',
      newestCheckoutErrorTimestamp: this.#lastCheckoutError?.timestamp ?? '',
    }
  }
}
