import { beforeAll, describe, expect, test } from 'vitest'
import { ingest, visit } from './harness/browser.ts'
import { minutesAgo, rows } from './harness/explore.ts'

beforeAll(() =>
  ingest(
    Array.from({ length: 30 }, (_, index) => ({
      service: 'keyboard',
      level: index % 10 === 5 ? 'error' : 'info',
      message: `step ${index} of 30`,
      timestamp: minutesAgo(30 - index),
    })),
  ),
)

/** However many facets there are. */
const STOPS_MAX = 300

describe('without a mouse', () => {
  test('events are walked through, opened and closed', async () => {
    const { page } = await visit('/?q=service:keyboard&start=-1h')
    await rows(page).first().waitFor()
    const selected = page.locator('[role=option][aria-selected=true]')
    const detail = page.getByRole('complementary', { name: 'Event' })
    for (const [key, text] of [
      ['j', /step 29 /],
      ['j', /step 28 /],
      ['k', /step 29 /],
      ['e', /step 25 /],
      ['e', /step 15 /],
      ['E', /step 25 /],
    ] as const) {
      await page.keyboard.press(key)
      await selected.filter({ hasText: text }).waitFor()
    }
    await page.keyboard.press('Enter')
    await detail.getByText('step 25 of 30').first().waitFor()
    await page.keyboard.press('j')
    await detail.getByText('step 24 of 30').first().waitFor()
    await page.keyboard.press('Escape')
    await detail.waitFor({ state: 'detached' })
    await page.keyboard.press('G')
    await selected.filter({ hasText: 'step 29 ' }).waitFor()
  })

  test('Tab leads through everything in the order of the page, and every stop is seen and named', async () => {
    const { page } = await visit('/?q=service:keyboard&start=-1h')
    await rows(page).first().waitFor()
    const stops: string[] = []
    for (let turn = 0; turn < STOPS_MAX && stops.at(-1) !== 'Events'; turn++) {
      await page.keyboard.press('Tab')
      const stop = await page.evaluate<string>(`(() => {
        const node = document.activeElement
        if (!node || node === document.body) return ''
        const { width, height } = node.getBoundingClientRect()
        const name = node.getAttribute('aria-label') ?? node.textContent ?? ''
        return width > 0 && height > 0 && (name.trim() !== '' || node.labels?.length) ? name.trim() : 'unseen'
      })()`)
      if (stop === '') break
      stops.push(stop)
    }
    expect(stops).not.toContain('unseen')
    const at = (name: string): number => stops.findIndex((stop) => stop.startsWith(name))
    const order = ['To the content', 'Tailrace', 'Explore', 'Search', 'Earlier by', 'Find a field', 'Events'].map(at)
    expect(order).toEqual(order.toSorted((a, b) => a - b))
    expect(order).not.toContain(-1)
  })

  test('keys are left alone while somebody types', async () => {
    const { page } = await visit('/?q=service:keyboard&start=-1h')
    await rows(page).first().waitFor()
    await page.keyboard.press('/')
    await page.keyboard.press('End')
    await page.keyboard.type(' wjl?')
    expect(await page.getByRole('combobox', { name: 'Search' }).inputValue()).toBe('service:keyboard wjl?')
    expect(new URL(page.url()).search).toBe('?q=service:keyboard&start=-1h')
  })
})
