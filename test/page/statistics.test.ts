import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { accessibilityProblems, ingest, visit } from './harness/browser.ts'

const EVENTS = 3000
const HOSTILE = '<img src=x onerror="document.title=1">'
const view = (query: string, more = ''): string => `/view/statistics?q=${encodeURIComponent(query)}&start=-4h${more}`

beforeAll(async () => {
  const nowMs = Date.now()
  await ingest(
    Array.from({ length: EVENTS }, (_, index) => ({
      timestamp: new Date(nowMs - index * 1000).toISOString(),
      service: 'statistics',
      host: `web-${index % 3}`,
      level: index % 10 === 0 ? 'error' : 'info',
      message: index % 10 === 0 ? `payment ${HOSTILE} declined` : 'payment taken',
      ms: index % 100,
    })),
  )
})

async function downloaded(page: Page, button: string): Promise<{ name: string; content: Buffer }> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: button }).click(),
  ])
  return { name: download.suggestedFilename(), content: await buffer(await download.createReadStream()) }
}

describe('a query', () => {
  test('over time is drawn as lines, as bars, as a table; a drag zooms', async () => {
    const { page } = await visit(view('service:statistics | timechart 5m count() n by host'))
    const chart = page.getByRole('img', { name: /^From .*web-0: 1,000 in all/ })
    await chart.waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('button', { name: 'Bars' }).click()
    await page.waitForURL(/as=bar/)
    await chart.waitFor()
    const box = await chart.boundingBox()
    const { x = 0, y = 0, width = 0 } = box ?? {}
    await page.mouse.move(x + width * 0.6, y + 60)
    await page.mouse.down()
    await page.mouse.move(x + width * 0.8, y + 60, { steps: 4 })
    await page.mouse.up()
    await page.waitForURL(/start=20\d\d-.*&end=20\d\d-/)
    await page.goBack()
    await page.getByRole('button', { name: 'Table' }).click()
    await page.getByRole('table').getByRole('columnheader', { name: 'host' }).waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
  })

  test('by something is drawn as bars, a single row as numbers', async () => {
    const { page } = await visit(view('service:statistics | stats count() n by host'))
    await page.getByRole('img', { name: 'n. web-0: 1,000, web-1: 1,000, web-2: 1,000' }).waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('combobox', { name: 'Search' }).fill('service:statistics | stats count() events, avg(ms)')
    await page.keyboard.press('Enter')
    await page.getByRole('listitem').filter({ hasText: 'events' }).getByText('3,000').waitFor()
    await page.getByRole('listitem').filter({ hasText: 'avg(ms)' }).getByText('49.5').waitFor()
  })

  test('with a mistake says what is wrong', async () => {
    const { page } = await visit(view('service:statistics | stats cuont()'))
    await page.getByRole('alert').getByText(/cuont/).waitFor()
    await page.getByRole('combobox', { name: 'Search' }).fill('service:"statistics')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText(/quote/).first().waitFor()
    expect(await page.getByRole('alert').count()).toBe(1)
    await page.getByRole('combobox', { name: 'Search' }).fill('service:nobody-at-all | top host')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Nothing to count' }).waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
  })
})

test('without statistics of its own: levels, services, and the newest error texts with first and last seen', async () => {
  const { page } = await visit('/view/statistics?q=service%3Astatistics&start=-4h')
  await page.getByRole('img', { name: /^From .*info: 2,700 in all, error: 300 in all/ }).waitFor()
  await page.getByRole('img', { name: /statistics: 3,000/ }).waitFor()
  const row = page.getByRole('row').filter({ hasText: `payment ${HOSTILE} declined` })
  await row.getByRole('cell', { name: '300' }).waitFor()
  expect(await row.locator('time').count()).toBe(2)
  expect(await page.title()).toBe('Statistics · Tailrace')
  expect(await accessibilityProblems(page)).toEqual([])
  await row.getByRole('link').click()
  await page.waitForURL(/\?q=%22payment/)
  await page.getByText(`payment ${HOSTILE} declined`).first().waitFor()
})

describe('downloads', () => {
  test('all events as NDJSON and as CSV, with progress', async () => {
    const { page } = await visit('/view/statistics?q=service%3Astatistics&start=-4h')
    const ndjson = await downloaded(page, 'NDJSON')
    expect(ndjson.name).toMatch(/^tailrace-2.*\.ndjson$/)
    const lines = ndjson.content.toString().trimEnd().split('\n')
    expect(lines).toHaveLength(EVENTS)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ service: 'statistics' })
    await page.getByText('The file is in your downloads.').waitFor()
    const csv = await downloaded(page, 'CSV')
    expect(csv.content.toString().trimEnd().split('\n')).toHaveLength(EVENTS + 1)
  })

  test('one that is under way shows how far it is, and can be stopped', async () => {
    const { page } = await visit('/view/statistics?q=service%3Astatistics&start=-4h')
    // The answer waits until the page has been looked at.
    const held = new AbortController()
    await page.route(/format=ndjson/, async (route) => {
      await once(held.signal, 'abort')
      await route.abort().catch(() => undefined)
    })
    await page.getByRole('button', { name: 'NDJSON' }).click()
    const bar = page.getByRole('progressbar', { name: 'Export' })
    await expect.poll(() => bar.getAttribute('max')).toBe('3000')
    await page.getByText('0 of 3,000 lines').waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'NDJSON' }).waitFor()
    held.abort()
  })

  test('the picture as PNG, the table as CSV', async () => {
    const { page } = await visit(view('service:statistics | timechart 5m count() n by host'))
    await page.getByRole('img', { name: /^From / }).waitFor()
    const png = await downloaded(page, 'PNG')
    expect(png.name).toMatch(/\.png$/)
    expect(png.content.subarray(1, 4).toString()).toBe('PNG')
    expect(png.content.readUInt32BE(16)).toBeGreaterThan(800)
    const csv = await downloaded(page, 'CSV')
    expect(csv.content.toString().split('\n')[0]?.trim()).toBe('time,host,n')
  })
})
