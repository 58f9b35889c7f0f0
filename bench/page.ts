import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import sparticuz from '@sparticuz/chromium'
import { chromium, type CDPSession, type Page } from 'playwright-core'
import { runLoad } from './load.ts'
import { machine, machineText, row, saveResult } from './report.ts'
import { runningServer, startServer, type BenchServer } from './server.ts'
import { quantile, table } from './table.ts'

const HELP = `npm run bench -- page [flags]
  --events 2000000   loaded before
  --url http://…     a server that runs already, with what it has
  --seconds 20       of scrolling, and of live tail
`
const ROWS = 100_000
const LIVE_RATES = [500, 1000]
const SEARCHES = 5
const MiB = 1024 * 1024
/** What a browser has to keep to for 50 frames a second. */
const FRAME_MS = 20

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** How fast the page is in a real Chromium that draws without a graphics card, on this machine, server beside it. */
export async function benchPage(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string', default: '2000000' },
      url: { type: 'string' },
      seconds: { type: 'string', default: '20' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const seconds = Number(values.seconds)
  const server = values.url === undefined ? await startServer() : await runningServer(values.url)
  try {
    if (server.isOwn) {
      const events = Number(values.events)
      const load = { url: server.url, connections: 4, events, seed: 1, endMs: Date.now(), bodyBytes: 2 * MiB }
      await runLoad(server, load)
    }
    const { version, store } = await server.status()
    say(`tailrace ${version} on ${machineText(machine(), store.version)}; ${store.rows.toLocaleString('en')} events\n`)
    const rows = await measure(server, seconds)
    say(table([['page', 'measured', 'target', 'reached'], ...rows]))
    saveResult('page', { at: new Date().toISOString(), machine: machine(), arguments: values, rows })
  } finally {
    await server.stop()
  }
}

type Rows = string[][]

/** It draws with the processor itself, and each page has a process. */
const ARGS = [
  ...sparticuz.args.filter((arg) => !/single-process|gpu|angle|swiftshader|use-gl/.test(arg)),
  '--disable-gpu',
]

async function measure(server: BenchServer, seconds: number): Promise<Rows> {
  const browser = await chromium.launch({
    executablePath: await sparticuz.executablePath(),
    args: ARGS,
    headless: true,
  })
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' })
    const page = await context.newPage()
    const metrics = await context.newCDPSession(page)
    // CPU of the page's thread, however busy the machine is.
    await metrics.send('Performance.enable', { timeDomain: 'threadTicks' })
    const first = await measureFirstLoad(page, server.url)
    const searches = await measureSearches(page, server.url)
    const scroll = await measureScroll(page, metrics, server.url, seconds)
    const live: Rows = []
    for (const rate of LIVE_RATES) live.push(...(await measureLive(page, metrics, server.url, { rate, seconds })))
    return [...first, ...searches, ...scroll, ...live]
  } finally {
    await browser.close()
  }
}

/** From the start of the navigation until the page is drawn and takes text. */
async function firstUse(page: Page, url: string): Promise<number> {
  await page.goto(url, { waitUntil: 'commit' })
  const search = page.getByRole('combobox', { name: 'Search' })
  await search.waitFor()
  const ms = await page.evaluate<number>(
    `performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? performance.now()`,
  )
  await page.locator('.log-row').first().waitFor()
  return ms
}

/** With an empty cache. */
async function measureFirstLoad(page: Page, url: string): Promise<Rows> {
  const scripts: Promise<number>[] = []
  page.on('response', (response) => {
    const size = async (): Promise<number> => (await response.request().sizes()).responseBodySize
    if (response.url().endsWith('.js')) scripts.push(size())
  })
  const interactive = await firstUse(page, `${url}/?q=level:error&start=all`)
  const bytes = (await Promise.all(scripts)).reduce((sum, size) => sum + size, 0)
  page.removeAllListeners('response')
  return [
    row('script at the first load, compressed as it was sent', bytes / 1024, 'KiB', { limit: 90 }),
    row('first load until it can be used', interactive, 'ms', { limit: 1000 }),
  ]
}

/** From Enter until the first row of the answer is drawn. */
async function measureSearches(page: Page, url: string): Promise<Rows> {
  const found: number[] = []
  for (let turn = 0; turn < SEARCHES; turn++) {
    await page.goto(`${url}/?q=nothing-at-all-${turn}&start=-1s`)
    await page.locator('.state').first().waitFor()
    await page.goto(`${url}/?q=nothing-at-all-${turn}&start=all`)
    await page.locator('.state').first().waitFor()
    await page.getByRole('combobox', { name: 'Search' }).fill('level:>=warn')
    const ms = await page.evaluate<number>(`new Promise((resolve) => {
      const from = performance.now()
      const observer = new MutationObserver(() => {
        if (!document.querySelector('.log-row')) return
        observer.disconnect()
        requestAnimationFrame(() => resolve(performance.now() - from))
      })
      observer.observe(document.body, { childList: true, subtree: true })
      document.querySelector('form[role=search]').requestSubmit()
    })`)
    found.push(ms)
  }
  return [
    row(`search in all, Enter to the first rows drawn, median of ${SEARCHES}`, quantile(found, 0.5), 'ms', {
      limit: 300,
    }),
  ]
}

interface Work {
  frames: number[]
  /** Of the page's thread: everything it does, in ms of its CPU. */
  taskMs: number
}

async function measureScroll(page: Page, metrics: CDPSession, url: string, seconds: number): Promise<Rows> {
  await page.goto(`${url}/?q=*&start=all`)
  await page.locator('.log-row').first().waitFor()
  await page.evaluate(`new Promise((resolve) => {
    const list = document.querySelector('.log-scroll')
    const timer = setInterval(() => {
      list.scrollTop = list.scrollHeight
      if (document.querySelector('.log-row')?.getAttribute('aria-setsize') >= ${ROWS}) { clearInterval(timer); resolve() }
    }, 50)
  })`)
  const rows = await page.evaluate<number>(`Number(document.querySelector('.log-row').getAttribute('aria-setsize'))`)
  const { frames, taskMs } = await work(metrics, () =>
    page.evaluate<number[]>(`new Promise((resolve) => {
      const list = document.querySelector('.log-scroll')
      const frames = []
      const began = performance.now()
      let last = began
      let direction = -1
      const step = (now) => {
        frames.push(now - last)
        last = now
        if (list.scrollTop <= 0) direction = 1
        list.scrollTop += direction * 170
        if (now - began < ${seconds * 1000}) requestAnimationFrame(step)
        else resolve(frames.slice(1))
      }
      requestAnimationFrame(step)
    })`),
  )
  const total = frames.reduce((sum, ms) => sum + ms, 0)
  return [
    row('rows in the list', rows, ''),
    row('  scrolled: frames a second', (frames.length / total) * 1000, 'fps', { limit: 50, isMin: true }),
    row('  work of the page for a frame', taskMs / frames.length, 'ms', { limit: FRAME_MS }),
    row('  frame, p95', quantile(frames, 0.95), 'ms'),
  ]
}

async function work(metrics: CDPSession, run: () => Promise<number[]>): Promise<Work> {
  const before = await taskSeconds(metrics)
  const frames = await run()
  return { frames, taskMs: ((await taskSeconds(metrics)) - before) * 1000 }
}

async function taskSeconds(metrics: CDPSession): Promise<number> {
  const { metrics: found } = await metrics.send('Performance.getMetrics')
  return found.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN
}

async function heapMiB(metrics: CDPSession): Promise<number> {
  await metrics.send('HeapProfiler.collectGarbage')
  const { usedSize } = await metrics.send('Runtime.getHeapUsage')
  return usedSize / MiB
}

interface LiveOptions {
  rate: number
  seconds: number
}

/** Events arrive at a steady rate while the list follows them. */
async function measureLive(
  page: Page,
  metrics: CDPSession,
  url: string,
  { rate, seconds }: LiveOptions,
): Promise<Rows> {
  await page.goto(`${url}/?q=service:bench-live`)
  await page.getByRole('status').getByText('Live', { exact: true }).waitFor()
  // Long enough for the list to be full, after which its memory may not grow.
  const fillSeconds = Math.ceil(12_000 / rate)
  await sendSteadily(url, rate, fillSeconds)
  const heapBefore = await heapMiB(metrics)
  const before = await taskSeconds(metrics)
  await sendSteadily(url, rate, seconds)
  const share = ((await taskSeconds(metrics)) - before) / seconds
  const heapAfter = await heapMiB(metrics)
  return [
    row(`live at ${rate} events/s: work of the page`, share * 100, '% of a core', { limit: 50 }),
    row('  memory, list full', heapBefore, 'MiB'),
    row(`  memory, ${rate * seconds} events later`, heapAfter, 'MiB', { limit: heapBefore * 1.1 + 2 }),
  ]
}

const TICK_MS = 100

async function sendSteadily(url: string, rate: number, seconds: number): Promise<void> {
  const endMs = performance.now() + seconds * 1000
  for (let sent = 0; performance.now() < endMs; sent++) {
    const body = Array.from({ length: (rate * TICK_MS) / 1000 }, (_, index) =>
      JSON.stringify({ service: 'bench-live', level: 'info', message: `event ${sent}.${index} of a steady stream` }),
    ).join('\n')
    const headers = { 'content-type': 'application/x-ndjson' }
    const response = await fetch(`${url}/api/v1/ingest`, { method: 'POST', headers, body })
    if (!response.ok) throw new Error(await response.text())
    await response.arrayBuffer()
    await wait(Math.max(0, endMs - seconds * 1000 + (sent + 1) * TICK_MS - performance.now()))
  }
}
