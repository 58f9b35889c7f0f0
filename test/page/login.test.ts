import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessibilityProblems, visit } from './harness/browser.ts'
import { openKeyedServer, type KeyedServer } from './harness/keyed-server.ts'

let server: KeyedServer
beforeAll(async () => {
  server = await openKeyedServer()
})
afterAll(() => server.close())

async function logIn(page: Page, key: string): Promise<void> {
  await page.getByLabel('Key', { exact: true }).fill(key)
  await page.getByRole('button', { name: 'Log in' }).click()
}

const isAsked = (page: Page): Promise<void> => page.getByRole('button', { name: 'Log in' }).waitFor()

test('everything is closed until somebody logs in, and then they are where they wanted to be', async () => {
  const { page } = await visit('/view/settings?tab=keys', { url: server.url })
  await isAsked(page)
  expect(await page.getByRole('navigation').count()).toBe(0)
  expect(await accessibilityProblems(page)).toEqual([])
  await logIn(page, server.admin)
  await page.getByRole('table', { name: 'All keys' }).getByText('root').waitFor()
  expect(new URL(page.url()).search).toBe('?tab=keys')
  const [cookie] = await page.context().cookies()
  expect(cookie).toMatchObject({ name: 'tailrace_session', httpOnly: true, sameSite: 'Strict' })
  await page.getByRole('button', { name: 'Log out' }).click()
  await isAsked(page)
  await page.getByText('This server asks for a key.').waitFor()
  await page.reload()
  await isAsked(page)
})

test('a wrong key is told, and another may be tried', async () => {
  const { page } = await visit('/view/status', { url: server.url })
  await logIn(page, 'trk_aaaaaaaaaaaa_nothing')
  await page.getByRole('alert').getByText('This key is not valid').waitFor()
  expect(await page.getByLabel('Key', { exact: true }).getAttribute('aria-invalid')).toBe('true')
  expect(await accessibilityProblems(page)).toEqual([])
  await logIn(page, server.admin)
  await page.getByRole('heading', { name: 'Status' }).waitFor()
})

test('revoked while the page is open: it asks for a key again, and goes on where it was', async () => {
  const reader = await server.makeKey({ role: 'read', name: 'short-lived' })
  const { page } = await visit('/view/status', { url: server.url })
  await page.clock.install()
  await logIn(page, reader.key)
  await page.getByRole('heading', { name: 'Coming in' }).waitFor()
  await server.ask('DELETE', `/api/v1/keys/${reader.info.id}`)
  // The next time that it asks.
  await page.clock.fastForward(5000)
  await page.getByText('You are no longer logged in').waitFor()
  expect(await page.getByRole('heading', { name: 'Coming in' }).count()).toBe(0)
  await logIn(page, server.admin)
  await page.getByRole('heading', { name: 'Coming in' }).waitFor()
})

test('a session that is over is over on the page as well, though it asks for nothing', async () => {
  const reader = await server.makeKey({ role: 'read', name: 'brief' })
  const { page } = await visit('/view/settings?tab=searches', { url: server.url })
  await page.clock.install()
  await logIn(page, reader.key)
  await page.getByRole('heading', { name: 'Settings' }).waitFor()
  await server.ask('DELETE', `/api/v1/keys/${reader.info.id}`)
  await page.clock.fastForward(31_000)
  await page.getByText('You are no longer logged in').waitFor()
})

test('a key sees the views that it may see', async () => {
  const filtered = await server.makeKey({ role: 'read', name: 'some', filter: 'tenant:a' })
  const { page } = await visit('/view/status', { url: server.url })
  await logIn(page, filtered.key)
  await page.getByRole('heading', { name: 'There is nothing at this address' }).waitFor()
  expect(await page.getByRole('navigation', { name: 'Views' }).getByRole('link').allInnerTexts()).not.toContain(
    'Status',
  )
  await page.getByRole('link', { name: 'Settings' }).click()
  await page.getByRole('navigation', { name: 'Settings' }).waitFor()
  expect(await page.getByRole('navigation', { name: 'Settings' }).getByRole('link').allInnerTexts()).toEqual([
    'Saved searches',
    'Shared views',
  ])
})

test('a key that only sends is told so', async () => {
  const writer = await server.makeKey({ role: 'write', name: 'app' })
  const { page } = await visit('/', { url: server.url })
  await logIn(page, writer.key)
  await page.getByRole('heading', { name: 'This key only sends events' }).waitFor()
  expect(await accessibilityProblems(page)).toEqual([])
  await page.getByRole('button', { name: 'Log out' }).click()
  await isAsked(page)
})

async function openKeys(): Promise<Page> {
  const { page } = await visit('/view/settings?tab=keys', { url: server.url })
  await logIn(page, server.admin)
  await page.getByRole('table', { name: 'All keys' }).waitFor()
  return page
}

describe('keys', () => {
  test('are made, shown once, and revoked', async () => {
    const page = await openKeys()
    await page.getByRole('button', { name: 'Make a key' }).click()
    const form = page.getByRole('dialog', { name: 'Make a key' })
    await form.getByLabel('Role').selectOption('write')
    await form.getByLabel('Name').fill('web <b>shop</b>')
    await form.getByLabel('Stamps').fill('service')
    await form.getByRole('button', { name: 'Make the key' }).click()
    await form.getByText('“service” is not a field and a value').waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await form.getByLabel('Stamps').fill('service=shop')
    await form.getByRole('button', { name: 'Make the key' }).click()
    await page.getByText('It is shown this once').waitFor()
    const text = await page.locator('.secret code').innerText()
    expect(text).toMatch(/^trk_/)
    const send = (): Promise<Response> =>
      fetch(`${server.url}/api/v1/ingest`, {
        method: 'POST',
        headers: { authorization: `Bearer ${text}`, 'content-type': 'text/plain' },
        body: 'hello',
      })
    expect((await send()).status).toBe(200)
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('button', { name: 'I have it' }).click()
    await page.reload()
    const row = page.getByRole('row').filter({ hasText: 'web <b>shop</b>' })
    await row.getByText('stamps service=shop').waitFor()
    expect(await page.content()).not.toContain(text)
    await row.getByRole('button', { name: 'Revoke' }).click()
    const question = page.getByRole('dialog', { name: 'Revoke “web <b>shop</b>”?' })
    expect(await accessibilityProblems(page)).toEqual([])
    await question.getByRole('button', { name: 'Cancel' }).click()
    expect((await send()).status).toBe(200)
    await row.getByRole('button', { name: 'Revoke' }).click()
    await question.getByRole('button', { name: 'Revoke the key' }).click()
    await row.getByText('revoked').waitFor()
    expect((await send()).status).toBe(401)
  })

  test('what the server refuses is told in the form', async () => {
    const page = await openKeys()
    await page.getByRole('button', { name: 'Make a key' }).click()
    const form = page.getByRole('dialog', { name: 'Make a key' })
    await form.getByLabel('Role').selectOption('read')
    await form.getByLabel('Filter').fill('(')
    await form.getByRole('button', { name: 'Make the key' }).click()
    await expect.poll(() => form.getByRole('alert').innerText()).toContain('filter')
  })
})
