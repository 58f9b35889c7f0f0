import { expect, test } from 'vitest'
import { accessibilityProblems, ingest, visit } from './harness/browser.ts'

const HOST = 'hosts-1 <i>'

test('hosts, the files of each, and the way to their events', async () => {
  await ingest([
    { host: HOST, source: '/var/log/a b.log', message: 'of the first file', level: 'info' },
    { host: HOST, source: '/var/log/c.log', message: 'of the second file', level: 'error' },
    { host: 'hosts-2', source: 'syslog', message: 'of another host', level: 'info' },
  ])
  const { page } = await visit('/view/hosts')
  await page.getByLabel('Find a host').fill('HOSTS-')
  const row = page.getByRole('row').filter({ hasText: HOST })
  await row.getByRole('link', { name: '2', exact: true }).waitFor()
  await row.getByRole('link', { name: '1', exact: true }).waitFor()
  await page.getByText(/^2 of \d+, the latest first$/).waitFor()
  expect(await accessibilityProblems(page)).toEqual([])
  await row.getByRole('link', { name: HOST }).click()
  await page.getByRole('heading', { name: HOST }).waitFor()
  const file = page.getByRole('row').filter({ hasText: '/var/log/a b.log' })
  await file.waitFor()
  expect(await accessibilityProblems(page)).toEqual([])
  await file.getByRole('link', { name: '1', exact: true }).click()
  await page.getByText('of the first file').first().waitFor()
  expect(await page.getByText('of the second file').count()).toBe(0)
})

test('a time without events is said to be one', async () => {
  const { page } = await visit('/view/hosts?host=hosts-nobody')
  await page.getByRole('heading', { name: 'No event in this time' }).waitFor()
  await page.getByRole('link', { name: 'All hosts' }).click()
  await page.getByRole('heading', { name: 'Hosts', exact: true }).waitFor()
})
