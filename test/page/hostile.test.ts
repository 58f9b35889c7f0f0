import { beforeAll, describe, expect, test } from 'vitest'
import { ingest, visit } from './harness/browser.ts'
import { rows } from './harness/explore.ts'

const SCRIPT = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>'
const LONG = 'x'.repeat(200_000)
const MESSAGES = [
  SCRIPT,
  '<a href="javascript:window.broken=1">click</a> javascript:window.broken=1',
  '\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u202egnirts\u202c \u2066isolated\u2069 \u0000',
  '"};window.broken=1;//',
  `${LONG} the end`,
  'first\nsecond\r\nthird',
]

beforeAll(() =>
  ingest(
    MESSAGES.map((message, index) => ({
      service: 'hostile',
      host: SCRIPT,
      source: 'javascript:window.broken=1',
      message,
      order: index,
      [SCRIPT]: SCRIPT,
      'a"b': 'c\\d',
      ['k'.repeat(300)]: 'v',
    })),
  ),
)

describe('what logs hold', () => {
  test('is text in every place where it is shown, and breaks no rule of the page', async () => {
    const { page, expectQuiet } = await visit(
      `/?q=service:hostile&start=-1h&cols=service,host,${encodeURIComponent(SCRIPT)}`,
    )
    await rows(page).first().waitFor()
    await expect.poll(() => rows(page).count()).toBe(MESSAGES.length)
    await page.getByText('\\x1b[31mred\\x1b[0m').first().waitFor()
    await page.getByText('\\u202egnirts\\u202c').first().waitFor()
    await page.getByText('first ↵ second ↵ third').waitFor()
    await page.getByText('more characters').waitFor()
    await page.getByRole('option', { name: /window\.broken=1;/ }).click()
    const detail = page.getByRole('complementary', { name: 'Event' })
    await detail.getByRole('rowheader', { name: SCRIPT }).waitFor()
    await detail.getByRole('tab', { name: 'JSON' }).click()
    await detail.getByRole('tab', { name: 'Surrounding lines' }).click()
    await detail.getByRole('button', { name: /gnirts/ }).click()
    await detail.getByRole('tab', { name: 'Fields' }).click()
    await detail.getByRole('button', { name: `Only events with this ${SCRIPT}` }).click()
    await expect.poll(() => rows(page).count()).toBe(MESSAGES.length)
    await page.keyboard.press('w')
    await page.getByText('first\nsecond').first().waitFor()
    expect(await page.evaluate('window.broken')).toBeUndefined()
    expect(await page.locator('img, a[href^="javascript"]').count()).toBe(0)
    expectQuiet()
  })

  test('a line of 200 KB is shown in full when somebody asks for it', async () => {
    const { page } = await visit(`/?q=${encodeURIComponent('service:hostile "the end"')}&start=-1h`)
    await rows(page).first().click()
    const detail = page.getByRole('complementary', { name: 'Event' })
    await detail.getByRole('button', { name: 'Show all 200,008 characters' }).click()
    await expect.poll(() => detail.locator('.detail-message pre').textContent()).toMatch(/x the end$/)
  })

  test('an address that makes no sense does no harm', async () => {
    const nonsense = { q: SCRIPT, start: SCRIPT, end: '<', cols: `${SCRIPT},%`, event: SCRIPT, zone: 'x', wrap: '9' }
    const { page } = await visit(`/?${new URLSearchParams(nonsense).toString()}`)
    await page.getByRole('alert').first().waitFor()
    await page.getByRole('complementary', { name: 'Event' }).getByText('not the id of an event').waitFor()
    expect(await page.evaluate('window.broken')).toBeUndefined()
  })
})
