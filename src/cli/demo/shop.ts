import type { DemoFields, PlannedEvent } from './trace.ts'
import { Trace } from './trace.ts'
import type { Random } from './random.ts'

/** What goes wrong from time to time, for a while. */
type Incident = 'payment provider' | 'database' | 'cache'

const INCIDENTS: readonly [Incident, ...Incident[]] = ['payment provider', 'database', 'cache']
const FIRST_INCIDENT_MS = 15_000
const INCIDENT_MS = { pause: [60_000, 150_000], length: [10_000, 25_000] } as const
const PRODUCTS: readonly [string, ...string[]] = ['kettle', 'lantern', 'hammock', 'compass', 'thermos', 'rucksack']
const SEARCHES: readonly [string, ...string[]] = ['tent', 'sleeping bag', 'head torch', 'map', 'stove', 'boots 43']
const AGENTS: readonly [string, ...string[]] = [
  'Firefox/141.0',
  'Chrome/139.0',
  'Safari/18.5',
  'okhttp/4.12',
  'curl/8.9',
]

interface Visit {
  trace: Trace
  random: Random
  incident: Incident | undefined
  user: string
}

/** An outdoor shop with ten services. Each call of `visit` is what one request writes into its logs. */
export interface Shop {
  visit(atMs: number): PlannedEvent[]
}

export function openShop(random: Random, openedMs: number): Shop {
  let incident: Incident | undefined
  let changesMs = openedMs + FIRST_INCIDENT_MS
  return {
    visit(atMs) {
      if (atMs >= changesMs) {
        incident = incident === undefined ? random.pick(INCIDENTS) : undefined
        const [from, to] = incident === undefined ? INCIDENT_MS.pause : INCIDENT_MS.length
        changesMs = atMs + random.integer(from, to)
      }
      const trace = new Trace(random, atMs)
      const visit = { trace, random, incident, user: `u${random.integer(1, 2000)}` }
      const share = random.next()
      if (share < 0.42) browse(visit)
      else if (share < 0.62) search(visit)
      else if (share < 0.76) fillCart(visit)
      else if (share < 0.84) signIn(visit)
      else if (share < 0.95) checkOut(visit)
      else checkHealth(visit)
      return trace.events
    },
  }
}

function browse(visit: Visit): void {
  const { trace, random } = visit
  const product = random.pick(PRODUCTS)
  trace.take(2)
  const isCached = visit.incident !== 'cache' && random.chance(0.85)
  if (isCached) trace.log('debug', 'catalog', `cache hit for product:${product}`, { cache: 'hit' })
  else {
    if (visit.incident === 'cache') {
      trace.log('warn', 'catalog', 'cache unreachable, reading from the database: connect ECONNREFUSED 10.0.4.7:6379', {
        cache: 'error',
      })
    }
    readDatabase(visit, 'catalog', `SELECT * FROM products WHERE slug = '${product}'`)
  }
  answer(visit, 'GET', `/products/${product}`, '/products/:slug', 200)
}

function search(visit: Visit): void {
  const { trace, random } = visit
  const text = random.pick(SEARCHES)
  const hits = random.chance(0.08) ? 0 : random.integer(1, 240)
  const tookMs = trace.take(visit.incident === 'database' ? 900 : 35)
  trace.log(hits === 0 ? 'notice' : 'info', 'search', `"${text}" found ${hits} products in ${Math.round(tookMs)}ms`, {
    hits,
    duration_ms: tookMs,
  })
  answer(visit, 'GET', `/search?q=${encodeURIComponent(text)}`, '/search', 200)
}

function fillCart(visit: Visit): void {
  const { trace, random, user } = visit
  const product = random.pick(PRODUCTS)
  const quantity = random.integer(1, 3)
  trace.take(4)
  if (random.chance(0.04)) {
    trace.log('warn', 'inventory', `only ${quantity - 1} of ${product} left, ${quantity} wanted`, { product, quantity })
    return answer(visit, 'POST', '/cart/items', '/cart/items', 409)
  }
  trace.log('info', 'cart', `added ${quantity} × ${product}`, { user_id: user, product, quantity })
  answer(visit, 'POST', '/cart/items', '/cart/items', 201)
}

function signIn(visit: Visit): void {
  const { trace, random, user } = visit
  trace.take(60)
  if (random.chance(0.2)) {
    const attempt = random.integer(1, 6)
    const level = attempt > 4 ? 'warn' : 'info'
    trace.log(level, 'auth', `sign-in failed for ${user}: wrong password (attempt ${attempt})`, {
      user_id: user,
      attempt,
    })
    return answer(visit, 'POST', '/session', '/session', 401)
  }
  trace.log('info', 'auth', `${user} signed in`, {
    user_id: user,
    method: random.pick(['password', 'passkey', 'google']),
  })
  answer(visit, 'POST', '/session', '/session', 200)
}

function checkOut(visit: Visit): void {
  const { trace, random, user, incident } = visit
  const order = `o${random.hex(8)}`
  const amount = random.integer(900, 42_000) / 100
  trace.take(5)
  trace.log('info', 'checkout', `order ${order} started`, { user_id: user, order_id: order, amount })
  readDatabase(visit, 'inventory', 'UPDATE stock SET reserved = reserved + 1 WHERE sku = $1')
  trace.log('debug', 'inventory', `reserved items for ${order}`, { order_id: order })
  if (incident === 'payment provider' && random.chance(0.7)) {
    const tookMs = trace.take(3000)
    trace.log('error', 'payments', `charge for ${order} failed: provider timed out after 3 attempts`, {
      order_id: order,
      amount,
      provider: 'stripe',
      duration_ms: tookMs,
      'error.type': 'TimeoutError',
      'error.stack':
        'TimeoutError: provider timed out\n    at charge (/app/charge.js:88:11)\n    at pay (/app/pay.js:31:5)',
    })
    trace.take(3)
    trace.log('error', 'checkout', `order ${order} given up: payment failed`, {
      user_id: user,
      order_id: order,
      amount,
    })
    return answer(visit, 'POST', '/checkout', '/checkout', 502)
  }
  const tookMs = trace.take(180)
  trace.log('info', 'payments', `charged ${amount.toFixed(2)} EUR for ${order}`, {
    order_id: order,
    amount,
    provider: 'stripe',
    duration_ms: tookMs,
  })
  trace.take(8)
  trace.log('info', 'checkout', `order ${order} placed`, { user_id: user, order_id: order, amount })
  answer(visit, 'POST', '/checkout', '/checkout', 201)
  trace.take(400)
  if (random.chance(0.03))
    trace.log('error', 'mailer', `confirmation of ${order} bounced: 550 no such user`, { order_id: order })
  else trace.log('info', 'mailer', `confirmation of ${order} sent`, { order_id: order })
}

function checkHealth(visit: Visit): void {
  visit.trace.take(0.4)
  visit.trace.log('debug', 'gateway', 'GET /health 200', { ...request('GET', '/health', '/health'), status: 200 })
}

function readDatabase({ trace, random, incident }: Visit, service: string, statement: string): void {
  const isSlow = incident === 'database' && random.chance(0.6)
  const tookMs = trace.take(isSlow ? 1400 : 6)
  if (!isSlow) {
    if (random.chance(0.05))
      trace.log('info', 'postgres', `checkpoint complete: wrote ${random.integer(20, 900)} buffers`)
    return
  }
  trace.log('warn', 'postgres', `slow query: ${Math.round(tookMs)} ms: ${statement}`, { duration_ms: tookMs })
  if (random.chance(0.25)) {
    trace.log('error', service, 'no database connection within 1000 ms: the pool of 20 is in use', { pool: 20 })
  }
}

/** The gateway's access log: every request ends here. */
function answer({ trace, random, user }: Visit, method: string, path: string, route: string, status: number): void {
  trace.take(1)
  const level = status >= 500 ? 'error' : status >= 400 ? 'warn' : 'info'
  trace.log(level, 'gateway', `${method} ${path} ${status} ${Math.round(trace.elapsedMs)}ms`, {
    ...request(method, path, route),
    status,
    duration_ms: trace.elapsedMs,
    user_id: user,
    client_ip: `203.0.113.${random.integer(1, 254)}`,
    user_agent: random.pick(AGENTS),
  })
}

function request(method: string, path: string, route: string): DemoFields {
  return { 'http.method': method, 'http.path': path, 'http.route': route }
}
