import type { Locator, Page } from 'playwright-core'

/** The events that are drawn. */
export function rows(page: Page): Locator {
  return page.getByRole('listbox', { name: 'Events' }).getByRole('option')
}

export async function searchFor(page: Page, query: string): Promise<void> {
  await page.getByRole('combobox', { name: 'Search' }).fill(query)
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => (url.searchParams.get('q') ?? '') === query)
}

export function minutesAgo(minutes: number): string {
  return new Date(Date.now() - minutes * 60_000).toISOString()
}
