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

  test('says so where there is nothing, and leads back', async () => {
    const { page } = await visit('/view/nowhere')
    await page.getByRole('heading', { name: 'There is nothing at this address' }).waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('link', { name: 'To the newest events' }).click()
    await page.waitForURL(`${serverUrl()}/`)
    await page.getByRole('link', { name: 'Explore' }).waitFor()
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
