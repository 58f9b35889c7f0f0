import { beforeAll, describe, expect, test } from 'vitest'
import type { Page } from 'playwright-core'
import { AppError, problemDocument } from '../../src/core/errors.ts'
import { accessibilityProblems, ingest, visit } from './harness/browser.ts'
import { minutesAgo, rows, searchFor } from './harness/explore.ts'

const SERVICE = 'explore'
const url = (query: string): string => `/?${new URLSearchParams({ q: query, start: '-1h' }).toString()}`
const ALL = url(`service:${SERVICE}`)

beforeAll(() =>
  ingest([
    ...Array.from({ length: 40 }, (_, index) => ({
      service: SERVICE,
      host: index % 4 === 0 ? 'web-2' : 'web-1',
      source: 'access.log',
      level: index % 10 === 9 ? 'error' : 'info',
      message: `request ${index} took ${index} ms`,
      timestamp: minutesAgo(40 - index),
      user: index % 2 === 0 ? 'ann' : 'bob',
      trace_id: index % 10 === 9 ? '4bf92f3577b34da6a3ce929d0e0e4736' : '',
    })),
    { service: `${SERVICE}-old`, message: 'from before', timestamp: minutesAgo(60 * 5) },
  ]),
)

const params = (page: Page): URLSearchParams => new URL(page.url()).searchParams

describe('searching', () => {
  test('by typing: fields and values complete, mistakes are underlined and explained, matches are marked', async () => {
    const { page } = await visit(ALL)
    await rows(page).first().waitFor()
    const box = page.getByRole('combobox', { name: 'Search' })
    await page.keyboard.press('/')
    await page.keyboard.press('End')
    await page.keyboard.type(' hos')
    await page.getByRole('option', { name: 'host the machine' }).waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.type('web-')
    await expect.poll(() => page.getByRole('option', { name: /^web-[12] / }).count()).toBe(2)
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    expect(await box.inputValue()).toMatch(/^service:explore host:web-[12] $/)
    await box.fill(`service:${SERVICE} host:web-2 | wher took`)
    await page.locator('.q-wrong', { hasText: 'wher' }).waitFor()
    await page.getByText('did you mean where?').waitFor()
    await box.fill(`service:${SERVICE} host:web-2 "took 4 ms"`)
    await page.keyboard.press('Enter')
    await expect.poll(() => rows(page).allTextContents()).toEqual([expect.stringContaining('request 4 took 4 ms')])
    await expect.poll(() => page.locator('mark').allTextContents()).toEqual(['took 4 ms'])
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.getByText(/events? with .*service/i).waitFor()
  })

  test('what was searched for before is offered again', async () => {
    const { page } = await visit(ALL)
    await searchFor(page, `service:${SERVICE} level:error`)
    await searchFor(page, `service:${SERVICE} user:ann`)
    await page.getByRole('button', { name: 'Clear the search' }).click()
    await page.getByRole('combobox', { name: 'Search' }).click()
    const option = page.getByRole('option', { name: `service:${SERVICE} level:error recent` })
    await option.click()
    await page.keyboard.press('Enter')
    await expect.poll(() => params(page).get('q')).toBe(`service:${SERVICE} level:error`)
  })

  test('by clicking: facets include and exclude', async () => {
    const { page } = await visit(ALL)
    await rows(page).first().waitFor()
    await page.getByRole('button', { name: /^web-2 ?\d/ }).click()
    await expect.poll(() => params(page).get('q')).toBe(`service:${SERVICE} host:web-2`)
    await expect.poll(() => rows(page).count()).toBe(10)
    await page.getByRole('button', { name: /^web-1 ?\d/ }).click()
    await expect.poll(() => params(page).get('q')).toBe(`service:${SERVICE} host:(web-2 OR web-1)`)
    await page.getByRole('button', { name: /^error ?\d/ }).click({ modifiers: ['Shift'] })
    await expect.poll(() => params(page).get('q')).toContain('-level:error')
    await expect.poll(() => rows(page).count()).toBe(36)
    await page.getByRole('searchbox', { name: 'Find a field', exact: true }).fill('use')
    await page.getByRole('button', { name: 'user', exact: true }).click()
    await page.getByRole('button', { name: /^ann ?\d/ }).click()
    await expect.poll(() => rows(page).count()).toBe(20)
    await page.goBack()
    await expect.poll(() => rows(page).count()).toBe(36)
  })

  test('nothing found: says where there would be something, and leads there', async () => {
    const { page } = await visit(`/?q=service:${SERVICE}-old&start=-5m`)
    await page.getByText(`The newest event of ${SERVICE}-old that does is from 5 hours ago.`).waitFor()
    await page.getByRole('button', { name: 'Look there' }).click()
    await page.getByRole('option', { name: /from before/ }).waitFor()
    await searchFor(page, `service:${SERVICE} nosuchword`)
    await page.getByRole('button', { name: 'Without nosuchword' }).click()
    await expect.poll(() => params(page).get('q')).toBe(`service:${SERVICE}`)
  })

  test('what the server refuses is said in its words', async () => {
    const { page } = await visit('/?q=level:(&start=-1h')
    await page
      .getByRole('alert')
      .getByText(/parenthes/)
      .first()
      .waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
  })

  test('a store that is away is said to be, and asked again without a click', async () => {
    const { page } = await visit('/view/nowhere', { isDown: true })
    let isAway = true
    const away = problemDocument(new AppError('STORE_UNREACHABLE'))
    await page.route('**/api/v1/query?*', (route) =>
      isAway ? route.fulfill({ status: away.status, json: away }) : route.continue(),
    )
    await page.goto(`/?q=service:${SERVICE}&start=-1h`)
    const said = page.getByRole('alert').filter({ hasText: 'The store does not answer' })
    await said.getByText('This page tries again by itself').waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    isAway = false
    await rows(page).first().waitFor()
    expect(await said.count()).toBe(0)
  })

  test('a table is shown as one', async () => {
    const { page } = await visit(`/?q=${encodeURIComponent(`service:${SERVICE} | stats count() n by user`)}`)
    expect(params(page).get('start')).toBeNull()
    await page.getByRole('cell', { name: 'ann' }).waitFor()
    expect(await page.getByRole('columnheader').allTextContents()).toEqual(['user', 'n'])
    expect(await accessibilityProblems(page)).toEqual([])
  })
})

describe('the time', () => {
  test('is chosen, shifted, zoomed out, and shown in UTC', async () => {
    const { page } = await visit(ALL, { timezoneId: 'Asia/Kolkata' })
    await rows(page).first().waitFor()
    await page.getByText('UTC+05:30').first().waitFor()
    await page.keyboard.press('t')
    await page.getByRole('button', { name: 'Last 5 minutes' }).click()
    await expect.poll(() => params(page).get('start')).toBe('-5m')
    await page.getByRole('button', { name: 'Earlier by 5m' }).click()
    await expect.poll(() => params(page).get('end')).toMatch(/Z$/)
    const span = (): number => Date.parse(params(page).get('end') ?? '') - Date.parse(params(page).get('start') ?? '')
    expect(span()).toBe(5 * 60_000)
    await page.getByRole('button', { name: 'Zoom out' }).click()
    await expect.poll(span).toBe(10 * 60_000)
    await page.keyboard.press('t')
    await page.getByRole('combobox', { name: 'Time zone' }).selectOption('utc')
    await expect.poll(() => params(page).get('zone')).toBe('utc')
    await page.getByRole('textbox', { name: 'From' }).fill('2026-13-01')
    await page.getByRole('button', { name: 'Show this time' }).click()
    await page.getByText('“2026-13-01” is no time').waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('textbox', { name: 'From' }).fill('2026-01-05 07:30')
    await page.getByRole('textbox', { name: 'To' }).fill('2026-01-05 08:00')
    await page.getByRole('button', { name: 'Show this time' }).click()
    await expect.poll(() => params(page).get('start')).toBe('2026-01-05T07:30:00.000Z')
  })

  test('is brushed on the histogram', async () => {
    const { page } = await visit(ALL)
    const plot = page.locator('.u-over')
    await plot.waitFor()
    const box = await plot.boundingBox()
    if (!box) throw new Error('the histogram has no place')
    const y = box.y + box.height / 2
    await page.mouse.move(box.x + box.width * 0.5, y)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.75, y, { steps: 4 })
    await page.mouse.up()
    await expect.poll(() => params(page).get('end')).not.toBeNull()
    const span = Date.parse(params(page).get('end') ?? '') - Date.parse(params(page).get('start') ?? '')
    expect(span / 60_000).toBeGreaterThan(12)
    expect(span / 60_000).toBeLessThan(18)
    await expect.poll(() => rows(page).count()).toBeLessThan(20)
  })
})

describe('an event', () => {
  test('shows all of itself; fields include, exclude and become columns', async () => {
    const { page } = await visit(url(`service:${SERVICE} level:error`))
    await page.getByRole('option', { name: /request 39 / }).click()
    const detail = page.getByRole('complementary', { name: 'Event' })
    await detail.getByRole('row', { name: /^user bob/ }).waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await detail.getByRole('button', { name: 'Column user' }).click()
    await expect.poll(() => params(page).get('cols')).toBe('service,user')
    await page.getByRole('group', { name: 'Columns' }).getByText('user').waitFor()
    await page.getByRole('button', { name: 'Remove the column user' }).click()
    await expect.poll(() => params(page).get('cols')).toBeNull()
    await detail.getByRole('button', { name: 'No events with this host' }).click()
    await expect.poll(() => params(page).get('q')).toMatch(/ -host:web-1$/)
    await expect.poll(() => params(page).get('event')).toBeNull()
  })

  test('has a link, its JSON, its surrounding lines and its trace', async () => {
    const { page } = await visit(url(`service:${SERVICE} "request 19"`), {
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    await page.getByRole('option', { name: /request 19 / }).click()
    const detail = page.getByRole('complementary', { name: 'Event' })
    await detail.getByRole('tab', { name: 'JSON' }).click()
    await detail.getByText('"message": "request 19 took 19 ms"').waitFor()
    await detail.getByRole('tab', { name: 'Surrounding lines' }).click()
    await detail.getByRole('button', { name: /request 17 / }).waitFor()
    await detail.getByRole('button', { name: 'Copy the link to this event' }).click()
    await page.getByText('Link copied').waitFor()
    const link = String(await page.evaluate('navigator.clipboard.readText()'))
    const other = await visit(link)
    await other.page.getByRole('complementary', { name: 'Event' }).getByText('request 19 took 19 ms').first().waitFor()
    await page.getByRole('link', { name: 'Trace' }).click()
    await expect.poll(() => rows(page).count()).toBe(4)
  })
})

describe('how it is seen', () => {
  test('wrapped, comfortable, and remembered', async () => {
    const { page } = await visit(ALL)
    await rows(page).first().waitFor()
    await page.keyboard.press('w')
    await page.getByRole('button', { name: 'Comfortable rows' }).click()
    await expect.poll(() => [params(page).get('wrap'), params(page).get('rows')]).toEqual(['1', 'comfortable'])
    await page.locator('.log.wrapped.comfortable').waitFor()
    await page.goto(ALL)
    await page.locator('.log.wrapped.comfortable').waitFor()
    await page.keyboard.press('w')
    await expect.poll(() => params(page).get('wrap')).toBeNull()
  })

  test('on a phone: facets, list and details fit, dark and light', async () => {
    const { page } = await visit(ALL, { viewport: { width: 390, height: 800 }, colorScheme: 'dark' })
    await rows(page).first().waitFor()
    const overflow = (): Promise<unknown> =>
      page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    expect(await overflow()).toBe(0)
    await page.getByRole('button', { name: 'Facets' }).click()
    await page.getByRole('button', { name: /^web-2 ?\d/ }).click()
    await page.getByRole('button', { name: 'Facets' }).click()
    await expect.poll(() => page.locator('.log-rows > [aria-setsize="10"]').count()).toBeGreaterThan(0)
    await rows(page).first().click()
    await page.getByRole('complementary', { name: 'Event' }).getByRole('button', { name: 'Close (Esc)' }).waitFor()
    expect(await overflow()).toBe(0)
    expect(await accessibilityProblems(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'light' })
    expect(await accessibilityProblems(page)).toEqual([])
  })
})
