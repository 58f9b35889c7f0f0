import { describe, expect, test } from 'vitest'
import { accessibilityProblems, ingest, serverUrl, visit } from './harness/browser.ts'

describe('the page', () => {
  test('opens at /, can be used by everybody, and asks nobody else', async () => {
    await ingest([{ service: 'shell', message: 'the shell says hello', level: 'info' }])
    const { page } = await visit('/?q=service:shell')
    await page.getByText('the shell says hello').first().waitFor()
    expect(await page.title()).toBe('Explore · Tailrace')
    expect(await accessibilityProblems(page)).toEqual([])
  })

  test('opens in a browser that names a language that is none', async () => {
    await ingest([{ service: 'posix', message: 'told without a locale', level: 'info' }])
    const { page } = await visit('/view/nowhere')
    await page.addInitScript(`Object.defineProperty(Navigator.prototype, 'language', { get: () => 'en-US@posix' })`)
    await page.goto('/?q=service:posix&start=-1h')
    await page.locator('.u-over').waitFor()
    await page.getByRole('option', { name: /told without a locale/ }).waitFor()
    expect(await page.evaluate('navigator.language')).toBe('en-US')
  })

  test('needs at most 90 KB of script to be seen, compressed', async () => {
    const html = await (await fetch(serverUrl(), { headers: { accept: 'text/html' } })).text()
    const scripts = [...html.matchAll(/(?:src|href)="([^"]+\.js)"/g)].map((match) => match[1] ?? '')
    expect(scripts).not.toEqual([])
    const sizes = scripts.map(async (path) => {
      const { headers } = await fetch(new URL(path, serverUrl()), { headers: { 'accept-encoding': 'gzip' } })
      expect(headers.get('content-encoding')).toBe('gzip')
      return Number(headers.get('content-length'))
    })
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
    expect(bytes).toBeGreaterThan(20_000)
    expect(bytes).toBeLessThanOrEqual(90 * 1000)
  })

  test('says so where there is nothing, and leads back', async () => {
    const { page } = await visit('/view/nowhere')
    await page.getByRole('heading', { name: 'There is nothing at this address' }).waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('link', { name: 'To the newest events' }).click()
    await page.waitForURL(`${serverUrl()}/`)
    await page.getByRole('link', { name: 'Explore' }).waitFor()
  })

  test('names the view that is open where the bar has no room for all, and leads to the others', async () => {
    const { page } = await visit('/view/nowhere', { viewport: { width: 390, height: 800 } })
    const bar = page.getByRole('banner')
    await bar.getByRole('button', { name: 'Views' }).click()
    expect(await accessibilityProblems(page)).toEqual([])
    const views = bar.getByRole('dialog', { name: 'Views' })
    for (const link of await views.getByRole('link').all()) {
      const { x, width } = (await link.boundingBox()) ?? { x: -1, width: 0 }
      expect(x).toBeGreaterThanOrEqual(0)
      expect(x + width).toBeLessThanOrEqual(390)
    }
    await views.getByRole('link', { name: 'Settings' }).click()
    await page.waitForURL(`${serverUrl()}/view/settings`)
    await bar.getByRole('button', { name: 'Settings' }).waitFor()
    await views.waitFor({ state: 'detached' })
    // On the narrowest of phones neither the page nor what leads on in it has to be moved sideways.
    await page.setViewportSize({ width: 360, height: 800 })
    await page.getByRole('navigation', { name: 'Settings' }).waitFor()
    const isWhole = `[document.documentElement, document.querySelector('.tabs')].every((e) => e.scrollWidth <= e.clientWidth)`
    expect(await page.evaluate(isWhole)).toBe(true)
  })

  test('lists its keys and runs commands by name', async () => {
    const { page } = await visit('/view/nowhere')
    await page.getByRole('heading', { name: 'There is nothing' }).waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).getByText('Ctrl+K').waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'Command' }).fill('explore')
    expect(await accessibilityProblems(page)).toEqual([])
    await page.keyboard.press('Enter')
    await page.waitForURL(`${serverUrl()}/`)
  })
})
