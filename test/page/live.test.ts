import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { ingest, serverUrl, visit } from './harness/browser.ts'
import { rows } from './harness/explore.ts'

const events = (service: string, from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ service, level: 'info', message: `line ${from + index} of the tail` }))

/** Of a browser's element. */
interface Scrolled {
  scrollHeight: number
  clientHeight: number
  scrollTop: number
}

const scroller = (page: Page) => page.locator('.log-scroll')
/** How far the list is from its end, in pixels. */
const fromEnd = (page: Page): Promise<number> =>
  scroller(page).evaluate((node: Scrolled) => node.scrollHeight - node.clientHeight - node.scrollTop)
const scrollTop = (page: Page): Promise<number> => scroller(page).evaluate((node: Scrolled) => node.scrollTop)

async function openLive(service: string): Promise<Page> {
  const { page } = await visit(`/?q=service:${service}`)
  await page.getByRole('status').getByText('Live', { exact: true }).waitFor()
  return page
}

describe('live', () => {
  test('begins with what was there and follows what arrives', async () => {
    await ingest(events('live-a', 0, 3))
    const page = await openLive('live-a')
    await page.getByRole('option', { name: /line 2 / }).waitFor()
    await ingest(events('live-a', 3, 100))
    await page.getByRole('option', { name: /line 102 / }).waitFor()
    await expect.poll(() => fromEnd(page)).toBeLessThan(2)
    await page.getByText(/events\/s/).waitFor()
  })

  test('scrolling up pauses and counts what waits; G returns', async () => {
    await ingest(events('live-b', 0, 120))
    const page = await openLive('live-b')
    await page.getByRole('option', { name: /line 119 / }).waitFor()
    await scroller(page).hover()
    await page.mouse.wheel(0, -600)
    await page.getByRole('status').getByText('Paused').waitFor()
    const top = await scrollTop(page)
    await ingest(events('live-b', 120, 30))
    await page.getByRole('button', { name: '30 new' }).waitFor()
    expect(await scrollTop(page)).toBe(top)
    expect(await page.getByRole('option', { name: /line 149 / }).count()).toBe(0)
    await page.keyboard.press('G')
    await page.getByRole('option', { name: /line 149 / }).waitFor()
    await expect.poll(() => fromEnd(page)).toBeLessThan(2)
    await page.getByRole('status').getByText('Live', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await ingest(events('live-b', 150, 2))
    await page.getByRole('button', { name: '2 new' }).click()
    await page.getByRole('option', { name: /line 151 / }).waitFor()
  })

  test('a gap is shown where the server skipped, and l leaves and comes back', async () => {
    const tail = [
      `event: start\nid: 0000000000000001-n\ndata: {"cursor":"0000000000000001-n"}\n\n`,
      `event: log\nid: 0000000000000002-n\ndata: ${JSON.stringify(sample('0000000000000002-n', 'before the gap'))}\n\n`,
      `event: skipped\ndata: {"count":1234}\n\n`,
      `event: log\nid: 0000000000000003-n\ndata: ${JSON.stringify(sample('0000000000000003-n', 'after the gap'))}\n\n`,
    ].join('')
    const { page } = await visit('/view/nowhere')
    await page.route('**/api/v1/tail?*', (route) =>
      route.fulfill({ status: 200, contentType: 'text/event-stream', body: tail }),
    )
    await page.goto(`${serverUrl()}/?q=service:live-d`)
    await page.getByText('1,234 skipped').first().waitFor()
    await page
      .getByRole('option', { name: /after the gap/ })
      .first()
      .waitFor()
    await page.keyboard.press('l')
    await expect.poll(() => new URL(page.url()).searchParams.get('start')).toBe('-15m')
    await page.keyboard.press('l')
    await expect.poll(() => new URL(page.url()).searchParams.get('start')).toBeNull()
  })

  test('a tail that is cut before its first events begins with them again', async () => {
    await ingest(events('live-f', 0, 3))
    const { page } = await visit('/view/nowhere')
    const start = await firstServerEvent()
    let asked = 0
    await page.route('**/api/v1/tail?*', (route) =>
      asked++ === 0 ? route.fulfill({ status: 200, contentType: 'text/event-stream', body: start }) : route.continue(),
    )
    await page.goto(`${serverUrl()}/?q=service:live-f`)
    await page.getByRole('option', { name: /line 2 / }).waitFor()
    await expect.poll(() => rows(page).count()).toBe(3)
  })

  test('a query that a tail cannot run searches the last minutes instead', async () => {
    await ingest(events('live-e', 0, 3))
    const page = await openLive('live-e')
    await page.getByRole('combobox', { name: 'Search' }).fill('service:live-e | sort by message')
    await page.keyboard.press('Enter')
    await expect.poll(() => new URL(page.url()).searchParams.get('start')).toBe('-15m')
    await expect.poll(() => rows(page).count()).toBe(3)
  })
})

/** What a tail begins with, up to where it says where it begins. */
async function firstServerEvent(): Promise<string> {
  const over = new AbortController()
  const { body } = await fetch(`${serverUrl()}/api/v1/tail`, { signal: over.signal })
  let text = ''
  let start: string | undefined
  for await (const bytes of (body ?? []) as AsyncIterable<Uint8Array>) {
    text += Buffer.from(bytes).toString()
    start = /^[^]*event: start\n[^]*?\n\n/.exec(text)?.[0]
    if (start !== undefined) break
  }
  over.abort()
  return start ?? expect.unreachable()
}

function sample(id: string, message: string): object {
  const time = new Date().toISOString()
  const fields = { service: 'live-d', host: '', source: '', trace_id: '', span_id: '', attributes: {} }
  return { id, timestamp: time, received: time, severity: 9, level: 'info', message, ...fields }
}
