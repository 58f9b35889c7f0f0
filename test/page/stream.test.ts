import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { accessibilityProblems, serverUrl, visit } from './harness/browser.ts'

async function put(name: string, body: string): Promise<void> {
  const response = await fetch(`${serverUrl()}/streams/${name}?index=false`, { method: 'PUT', body })
  expect(response.status).toBe(201)
}

/** A stream that is written until `end` is called. */
function startPut(name: string): { write(text: string): void; end(): Promise<unknown> } {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given
    },
  })
  const request: RequestInit & { duplex: 'half' } = { method: 'PUT', body, duplex: 'half' }
  const answer = fetch(`${serverUrl()}/streams/${name}?index=false`, request)
  return {
    write: (text) => controller?.enqueue(new TextEncoder().encode(text)),
    async end() {
      controller?.close()
      await answer
    },
  }
}

const row = (page: Page, line: number) => page.locator('.row').filter({ has: page.locator(`[data-line="${line}"]`) })
const status = (page: Page) => page.locator('.state')
const lines = (count: number): string => Array.from({ length: count }, (_, n) => `line ${n + 1} of the log\n`).join('')

describe('the page of a stream', () => {
  test('shows colours, and nothing of a log becomes a part of the page', async () => {
    await put('page/colours', '\u001b[31;1mred\u001b[0m plain\n<img src=x onerror=alert(1)><script>alert(2)</script>\n')
    const { page } = await visit('/streams/page/colours')
    await status(page).getByText('finished').waitFor()
    await expect.poll(() => row(page, 1).locator('.f1.bold').textContent()).toBe('red')
    expect(await row(page, 2).locator('.text').textContent()).toContain('<script>alert(2)</script>')
    expect(await page.locator('.rows img, .rows script').count()).toBe(0)
    expect(await accessibilityProblems(page)).toEqual([])
  })

  test('follows what is written, rests where somebody scrolls, and comes to the end', async () => {
    const writing = startPut('page/live')
    writing.write(lines(200))
    const { page } = await visit('/streams/page/live')
    await row(page, 200).waitFor()
    await status(page).getByText('live').waitFor()
    writing.write('line 201\n')
    await row(page, 201).waitFor()
    await page.locator('.view').hover()
    await page.mouse.wheel(0, -1500)
    const follow = page.getByRole('button', { name: 'Follow' })
    await expect.poll(() => follow.getAttribute('aria-pressed')).toBe('false')
    writing.write('line 202\n')
    await page.getByText('202 lines').waitFor()
    expect(await row(page, 202).count()).toBe(0)
    await page.keyboard.press('f')
    await row(page, 202).waitFor()
    writing.write('the last')
    await writing.end()
    await status(page).getByText('finished').waitFor()
    await expect.poll(() => row(page, 203).locator('.text').textContent()).toContain('the last')
  })

  test('a link to a line leads to it', async () => {
    await put('page/linked', lines(5000))
    const { page } = await visit('/streams/page/linked#L1200')
    await row(page, 1200).waitFor()
    await expect.poll(() => row(page, 1200).getAttribute('class')).toContain('marked')
    await row(page, 1203)
      .locator('.number')
      .click({ modifiers: ['Shift'] })
    await page.waitForURL(/#L1200-L1203$/)
    await expect.poll(() => row(page, 1202).getAttribute('class')).toContain('marked')
    await row(page, 1190).locator('.number').click()
    await page.waitForURL(/#L1190$/)
    // The address is there before the page has been told.
    await expect.poll(() => row(page, 1190).getAttribute('class')).toContain('marked')
    await page.keyboard.press('g')
    await row(page, 1).waitFor()
    await page.keyboard.press('G')
    await row(page, 5000).waitFor()
  })

  test('finds, goes from one to the next, and wraps', async () => {
    await put('page/search', `${lines(3000)}a needle here\n${lines(3000)}another NEEDLE ${'x'.repeat(2000)}\n`)
    const { page } = await visit('/streams/page/search')
    await row(page, 6002).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('needle')
    await page.getByText('2 / 2').waitFor()
    await page.keyboard.press('Enter')
    await page.getByText('1 / 2').waitFor()
    await expect.poll(() => row(page, 3001).locator('mark').textContent()).toBe('needle')
    await page.keyboard.press('Shift+Enter')
    await row(page, 6002).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Wrap' }).click()
    await expect.poll(async () => (await row(page, 6002).boundingBox())?.height ?? 0).toBeGreaterThan(30)
  })

  test('is shown by a link to somebody without a key, and the list leads there', async () => {
    await put('page/shared', 'for everybody\n')
    const answer = await fetch(`${serverUrl()}/streams/page/shared/share`, { method: 'POST' })
    const { url } = (await answer.json()) as { url: string }
    const { page } = await visit(url.replace(serverUrl(), ''))
    await row(page, 1).waitFor()
    expect(await page.getByRole('link', { name: 'Plain' }).getAttribute('href')).toContain('token=')
    await page.goto('/streams/?prefix=page/shared')
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('link', { name: 'page/shared' }).click()
    await row(page, 1).waitFor()
  })
})
